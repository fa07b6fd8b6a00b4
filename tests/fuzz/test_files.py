"""Files that are nearly right: statements and answers of a bank, and worlds, are read or refused, within bounds.

`SUANBU_FUZZ_FILES` says how many of each kind are drawn.
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from settlement.errors import NotAllowed
from settlement.jobs.worlds.read import load_worlds
from settlement.jobs.worlds.run import run_world
from settlement.payout.answers import flat_object
from settlement.payout.bank_http import understood
from settlement.payout.bank_protocol import BankSilent
from settlement.payout.batch_format import answer_file, read_answers
from settlement.payout.statement_file import mapping_named, read_mapping, read_statement
from tests.fuzz import workbooks
from tests.fuzz.chance import TEXTS, Chance
from tests.fuzz.scene import STATEMENT

DRAWN = int(os.environ.get("SUANBU_FUZZ_FILES", "150"))
SEED = int(os.environ.get("SUANBU_FUZZ_SEED", "19"))
WORLDS = Path(__file__).parents[1] / "data" / "worlds"
MAPPING = (Path(__file__).parents[2] / "settlement/payout/mappings/standard.toml").read_text()


def statement(chance: Chance) -> None:
    """A statement as CSV."""
    lines = STATEMENT.splitlines()
    amount = chance.pick(("1.00", "-5", "9" * 30, "1e5", "１", '"1,234.50"', "(1.00)", "1,,2", '"', "1" * 5000))
    lines.insert(
        chance.random.randrange(3), f"{chance.pick(('2026-11-02', '0001-01-01', '9999-12-31'))},{amount},,F,,,"
    )
    body = "\n".join(lines).encode(chance.pick(("utf-8", "gb18030", "utf-16")))
    read_statement(chance.broken(body), mapping_named(chance.pick(("standard", "direction"))))


def workbook(chance: Chance) -> None:
    """A statement as a workbook."""
    read_statement(workbooks.drawn(chance), mapping_named("standard"))


def mapping(chance: Chance) -> None:
    """A mapping of a statement's columns."""
    read_mapping(chance.broken(MAPPING.encode()).decode("utf-8", "replace"))


def return_file(chance: Chance) -> None:
    """A file with answers of the bank."""
    encoding = chance.pick(("utf-8", "gb18030"))
    plain = [text for text in TEXTS if "\ud800" not in text and "\udfff" not in text]
    rows = [("SB-a-1", "paid", 100, chance.pick(plain), chance.pick(plain)), (chance.pick(plain), "x", 0, "", "")]
    body = answer_file("a.csv", chance.pick(plain), rows, encoding=encoding)
    read_answers(chance.broken(body) if chance.once_in(2) else body, encoding=encoding)


def answer(chance: Chance) -> None:
    """One answer of the bank as JSON, in a file or over HTTP."""
    said = {"reference": "SB-1", "status": "paid", "bank_reference": "B1", "amount_fen": 100, "reason": "x"}
    body = chance.written(chance.changed(said))
    body = chance.broken(body) if chance.once_in(2) else body
    flat_object(body)
    understood("GET", chance.pick((200, 404, 422)), body, "SB-1")


def world(chance: Chance) -> None:
    """A world with one place of it changed, settled."""
    every = yaml.safe_load((WORLDS / "money_and_readings.yaml").read_text(encoding="utf-8"))
    chosen = {name: one for name, one in chance.pick(every).items() if name != "expected"}
    changed = chance.changed(chosen)
    run_world({**(changed if isinstance(changed, dict) else chosen), "id": "x"})


def worlds_file(chance: Chance, folder: Path) -> None:
    """A file of worlds with a few bytes changed."""
    path = folder / "worlds.yaml"
    path.write_bytes(chance.broken((WORLDS / "window.yaml").read_bytes()[:4000]))
    load_worlds(path)


REFUSALS: dict[Callable[..., None], tuple[type[Exception], ...]] = {
    statement: (NotAllowed,), workbook: (NotAllowed,), mapping: (NotAllowed,), return_file: (NotAllowed,),
    answer: (NotAllowed, BankSilent), world: (), worlds_file: (ValueError,),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSALS, ids=lambda kind: kind.__name__)
def test_what_is_nearly_right_is_read_or_refused(kind: Callable[..., None], tmp_path: Path) -> None:
    chance = Chance(SEED)
    read = 0
    for _ in range(max(20, DRAWN // 5) if kind in (workbook, world) else DRAWN):
        with contextlib.suppress(*REFUSALS[kind]):
            kind(chance, *([tmp_path] if kind is worlds_file else []))
            read += 1
    assert read > 0, "nothing of it is nearly right"


LARGE: dict[str, Callable[[], bytes]] = {
    "a cell in the last row and column": lambda: workbooks.far_away("XFD1048576"),
    "a cell in the last row": lambda: workbooks.far_away("A1048576"),
    "a wide cell": lambda: workbooks.far_away("XFD200"),
    "lines without anything": lambda: b"\n" * (4 * 1024 * 1024),
    "one line of commas": lambda: b"," * (4 * 1024 * 1024),
    "one field": lambda: b'"' + b"x" * (4 * 1024 * 1024 - 2) + b'"',
}
GROWTH_MAX = 128 * 2**20
MEASURED = """
import resource, sys
from settlement.errors import NotAllowed
from settlement.payout.batch_format import read_answers
from settlement.payout.statement_file import mapping_named, read_statement
raw = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for read in (lambda: read_statement(raw, mapping_named("standard")), lambda: read_answers(raw, encoding="utf-8")):
    try:
        read()
    except NotAllowed:
        continue
    raise SystemExit("it was taken")
print(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""


@pytest.mark.parametrize("large", LARGE.values(), ids=LARGE.keys())
def test_what_stands_for_more_than_it_holds_is_refused_in_little_memory(large: Callable[[], bytes]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURED], input=large(), capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[-500:]
    assert int(done.stdout) < GROWTH_MAX


def test_a_workbook_that_ends_its_reader_ends_nothing_else() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(NotAllowed) as refused:
        read_statement(workbooks.far_away("XFD1048576"), mapping_named("standard"))
    assert refused.value.code == "STATEMENT_NOT_UNDERSTOOD"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GROWTH_MAX // 1024
