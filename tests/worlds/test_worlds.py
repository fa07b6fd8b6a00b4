"""Every world holds in memory, over HTTP and in the plain reference, and the steps of all its lines replay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from settlement.explain.operations import replay
from settlement.explain.steps import steps_of
from settlement.jobs.worlds.read import load_worlds
from settlement.jobs.worlds.run import run_world, settle_world
from tests.reference.expected import unmet
from tests.support.postgres import Cluster
from tests.support.serving import in_process
from tests.support.worlds import differences

FOLDER = Path(__file__).parents[1] / "data" / "worlds"
WORLDS = [world for file in sorted(FOLDER.glob("*.yaml")) for world in load_worlds(file)]


def by_id(world: dict[str, Any]) -> str:
    """The name of a case."""
    return str(world["id"])


def test_every_world_is_there_once() -> None:
    names = [world["id"] for world in WORLDS]
    assert len(set(names)) == len(names) == 115


@pytest.mark.parametrize("world", WORLDS, ids=by_id)
def test_a_world_holds(world: dict[str, Any]) -> None:
    assert run_world(world)["differences"] == []


@pytest.mark.parametrize("world", WORLDS, ids=by_id)
def test_the_reference_agrees(world: dict[str, Any]) -> None:
    assert unmet(world) == []


@pytest.mark.parametrize("world", [one for one in WORLDS if "refused" not in one["expected"]], ids=by_id)
def test_its_steps_replay(world: dict[str, Any]) -> None:
    settlement, _ = settle_world(world)
    names = ("uscc", "award_fen", "held_fen", "payable_fen", "adjustment_fen")
    lines = [{name: row[name] for name in names} for row in settlement.lines.iter_rows(named=True)]
    replayed = [
        {"adjustment_fen": None, **replay(steps_of(settlement, line["uscc"])), "uscc": line["uscc"]} for line in lines
    ]
    expected = world["expected"].get("lines", {}).values()
    assert len(lines) >= sum(line is not None for line in expected)
    assert [{name: values[name] for name in names} for values in replayed] == lines


@pytest.mark.parametrize("world", WORLDS, ids=by_id)
async def test_a_world_holds_over_http(world: dict[str, Any], cluster: Cluster) -> None:
    async with cluster.database() as url, in_process(url) as door:
        assert await differences(door, world) == []
