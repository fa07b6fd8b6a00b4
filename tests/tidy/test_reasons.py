"""An exception from a rule of the linter carries its reason on its line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
CODE = ("meter", "settlement", "api", "migrations", "tests", "benchmarks")
EXCEPTION = re.compile(r"#\s*(?:ruff:\s*)?noqa\b:?(?P<codes>[\sA-Z0-9,]*?)(?P<reason>[^A-Z0-9,\s].*|$)")
SHORTEST = 6


def without_reason(source: str) -> list[int]:
    """The lines with an exception that names no rule or gives no reason."""
    return [
        number
        for number, line in enumerate(source.splitlines(), 1)
        if (found := EXCEPTION.search(line))
        if not found["codes"].strip() or len(found["reason"].strip(" -()")) < SHORTEST
    ]


def test_every_exception_says_why() -> None:
    files = [path for name in CODE for path in (TOP / name).rglob("*.py") if path != Path(__file__)]
    assert len(files) > 400
    found = {str(path.relative_to(TOP)): without_reason(path.read_text("utf-8")) for path in files}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("x = 1  # noqa", True), ("x = 1  # noqa: S603", True), ("x = 1  # noqa: S603 -", True),
        ("x = 1  # noqa: S603, C901", True), ("# ruff: noqa: E501", True),
        ("x = 1  # noqa: S603 - our own binary", False),
        ("x = 1  # noqa: E712 (three-valued)", False), ("x = 1  # noqa: SIM110 a loop is what compiles well", False),
        ("x = 1  # noqa: C901, PLR0912 - a kernel", False), ("x = 1", False),
    ],
)  # fmt: skip
def test_a_missing_reason_is_seen(line: str, seen: bool) -> None:
    assert bool(without_reason(line)) == seen
