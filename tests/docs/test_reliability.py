"""docs/reliability.md: every fault names tests that there are, or says why not; figures are those counted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.docs.pages import TOP, text_of
from tests.faults.harness.quoted import quoted

PAGE, FIGURES = "docs/reliability.md", "tests/faults/figures.json"
TEST = re.compile(r"`(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)`")
NOT_TRIED = re.compile(r"^not tried: \S.{20,}")
LEAST_ROWS = 30


def rows_of(heading: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    part = text_of(PAGE).split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def missing(cell: str) -> Iterator[str]:
    """The tests that a cell names and that there are not."""
    for file, name in TEST.findall(cell):
        path = TOP / file
        if not path.exists() or not re.search(rf"^(async )?def {name}\(", path.read_text("utf-8"), re.MULTILINE):
            yield f"{file}::{name}"


@pytest.mark.parametrize("row", rows_of("The faults"), ids=lambda row: row[0][:40])
def test_a_fault_names_tests_that_there_are_or_says_why_it_was_not_tried(row: list[str]) -> None:
    happens, holds, tests = row
    assert happens
    if NOT_TRIED.match(tests):
        assert not holds, "what was not tried holds nothing"
        return
    assert holds
    assert TEST.findall(tests)
    assert list(missing(tests)) == []


def test_there_are_many_and_a_test_that_is_not_there_is_noticed() -> None:
    assert len(rows_of("The faults")) > LEAST_ROWS
    assert list(missing("`tests/faults/test_storm.py::test_that_nobody_wrote`"))
    assert list(missing("`tests/faults/test_nowhere.py::test_a`"))


def value_of(path: str) -> Any:
    """A figure of the JSON file, by the names that lead to it; FILE#NAMES of another file."""
    file, mark, inside = path.partition("#")
    found: Any = json.loads(text_of(file if mark else FIGURES))
    for name in (inside if mark else path).split("."):
        found = found[name]
    return found


@pytest.mark.parametrize("row", rows_of("What was counted"), ids=lambda row: row[0])
def test_a_figure_of_the_page_is_the_one_that_was_counted(row: list[str]) -> None:
    _, figure, place = row
    assert figure.replace(",", "") == str(value_of(place.strip("`")))


def test_what_a_run_counts_is_written_into_the_page() -> None:
    page = "| lost | 0 | `parts.storm.lost` |\n| taken | 1 | `parts.storm.taken` |\n| left | 2 | `parts.other` |\n"
    counted = {"parts": {"storm": {"lost": 3, "taken": 12345}}}
    assert quoted(page, counted) == (
        "| lost | 3 | `parts.storm.lost` |\n| taken | 12,345 | `parts.storm.taken` |\n| left | 2 | `parts.other` |\n"
    )
    assert quoted(text_of(PAGE), json.loads(text_of(FIGURES))) == text_of(PAGE)
