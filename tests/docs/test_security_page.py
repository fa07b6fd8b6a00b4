"""Each claim of the page on security stands beside tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`((?!tests/)[a-z_/]+/test_\w+\.py)(?:::(test_\w+))?`")
FEWEST = 60


def claims(page: str) -> list[tuple[str, str]]:
    """Every row of a table whose last column is `shown by`: what is claimed, and what shows it."""
    found, shown = [], False
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")] if line.startswith("|") else []
        if len(cells) > 1 and cells[-1] == "shown by":
            shown = True
        elif not cells:
            shown = False
        elif shown and not cells[0].startswith("---"):
            found.append((cells[0], cells[-1]))
    return found


def faults(page: str) -> list[str]:
    """What is wrong with a page: a claim without a test, or a test that there is not."""
    bare = [claim for claim, shown in claims(page) if not NAMED.search(shown)]
    absent = [f"{file}::{name}" for file, name in NAMED.findall(page) if name not in names_in(file) | {""}]
    return bare + absent + [file for file, _ in NAMED.findall(page) if not (ROOT / "tests" / file).is_file()]


@cache
def names_in(file: str) -> frozenset[str]:
    """The names of a file's tests."""
    path = ROOT / "tests" / file
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in functions if node.name.startswith("test_"))


def test_each_claim_names_tests_that_exist() -> None:
    assert len(claims(PAGE)) >= FEWEST
    assert faults(PAGE) == []


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ("| x | `docs/test_security_page.py::test_each_claim_names_tests_that_exist` |", []),
        ("| x | everybody knows |", ["x"]),
        ("| x | `docs/test_security_page.py::test_nothing` |", ["docs/test_security_page.py::test_nothing"]),
        ("| x | `docs/test_no_such.py` |", ["docs/test_no_such.py"]),
    ],
)
def test_a_claim_without_a_test_is_seen(row: str, wrong: list[str]) -> None:
    assert faults(f"| claim | shown by |\n|---|---|\n{row}\n") == wrong
