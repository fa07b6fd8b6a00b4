"""A report as JSON: the settlement, and what the layout asks for, with the contract's names and money as integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from settlement.report.form import FormTable
from settlement.report.sheet import Sheet


def lines_value(
    lines: Sequence[Mapping[str, Any]], excluded: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """The contract's lines, each with its use that does not count or waits."""
    return [{**line, "excluded": list(excluded.get(line["uscc"], ()))} for line in lines]


def sheet_value(sheet: Sheet) -> list[dict[str, object]]:
    """A sheet as one object a row."""
    names = [column.name for column in sheet.columns]
    return [dict(zip(names, row, strict=True)) for row in sheet.rows]


def form_value(title: str, notes: Sequence[str], tables: Sequence[FormTable]) -> dict[str, object]:
    """The notice's form. Amounts are fen here; the form's own unit is that of its heads."""
    return {
        "title": title,
        "notes": list(notes),
        "columns": {column.name: column.head for column in tables[0].sheet.columns},
        "tables": [
            {
                "region": table.region or None,
                "head": list(table.head),
                "rows_fen": sheet_value(table.sheet),
                "sum_fen": table.sum_fen,
            }
            for table in tables
        ],
    }


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """The document, compact, ending in a line break."""
    return msgspec.json.encode(value) + b"\n"
