"""The core counts in whole numbers: no float is written in it, except on a line that says why (`# float: why`)."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
CORE = (
    "settlement/award", "settlement/checkpoint", "settlement/compute", "settlement/evidence", "settlement/explain",
    "settlement/inputs", "settlement/jobs", "settlement/netting", "settlement/numbers", "settlement/payout",
    "settlement/review", "settlement/rounds", "settlement/store", "meter/archive", "meter/findings", "meter/intake",
    "meter/journal/rows", "meter/journal/write/decide.py", "meter/registry", "meter/rollup",
)  # fmt: skip
REASON = re.compile(r"#\s*float: \S.{5,}")


def floats_in(source: str) -> list[int]:
    """The lines with a float that says no reason."""
    lines = source.splitlines()
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex)
        if not REASON.search(lines[node.lineno - 1])
    ]


def files_of_the_core() -> list[Path]:
    """Every file of the core; a place that is gone is told."""
    found = []
    for place in (TOP / name for name in CORE):
        assert place.exists(), place
        found += sorted(place.rglob("*.py")) if place.is_dir() else [place]
    return found


def test_no_float_is_written_in_the_core() -> None:
    files = files_of_the_core()
    assert len(files) > 120
    found = {str(path.relative_to(TOP)): floats_in(path.read_text("utf-8")) for path in files}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("rate = 0.2", [1]), ("x = 1\ny = x * 1e3", [2]), ("z = 2j", [1]),
        ("x = 2", []), ("x = '0.2'", []), ("seconds = 0.5  # float: a pause, not a quantity", []),
        ("seconds = 0.5  # float:", [1]),
    ],
)  # fmt: skip
def test_a_float_is_seen(source: str, lines: list[int]) -> None:
    assert floats_in(source) == lines
