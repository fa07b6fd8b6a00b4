"""The shared cases hold, and the steps of every line of every case replay to its award."""

from pathlib import Path

import pytest

from settlement.errors import SettlementRefused
from settlement.explain.steps import replay, steps_of
from settlement.jobs.worlds import load_worlds, run_world, settle_world

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "worlds"
FILES = sorted(FOLDER.glob("*.yaml"))
WHY = f"the shared cases are not beside the repository: {FOLDER} holds no *.yaml"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_case_holds(file: Path) -> None:
    found = [run_world(world) for world in load_worlds(file)]
    assert [(one["id"], one["differences"]) for one in found if not one["ok"]] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_steps_of_every_line_replay_to_its_award(file: Path) -> None:
    for world in load_worlds(file):
        try:
            settlement, _ = settle_world(world)
        except SettlementRefused:
            continue
        for row in settlement.lines.iter_rows(named=True):
            values = replay(steps_of(settlement, row["uscc"]))
            for name in ("award_fen", "held_fen", "payable_fen"):
                assert values[name] == row[name], f"{world['id']} {row['uscc']} {name}"
            assert values.get("adjustment_fen") == row["adjustment_fen"], world["id"]


def test_the_shared_cases_are_here() -> None:
    if not FILES:
        pytest.skip(WHY)
    assert sum(len(load_worlds(file)) for file in FILES) >= 95
