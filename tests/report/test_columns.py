"""The sheet of all lines has a column for every field that a line has, and none that is always empty."""

from __future__ import annotations

from api.schemas.settlement import Line
from settlement.report.lines import lines_sheet
from settlement.report.source import Given
from settlement.rounds import load_rounds
from tests.report import example


def test_the_columns_of_the_lines_are_the_fields_of_a_line() -> None:
    line = example.line("x", "y", None, 5, adjustment_fen=1, items={"a": 1})
    sheet = lines_sheet(Given([line], {}), load_rounds()["yinchuan-draft"])
    assert {column.name for column in sheet.columns} == set(Line.model_fields)
