"""The same cells as a workbook's, written from memory with bare xlsxwriter."""

from __future__ import annotations

import io
from typing import Any

import xlsxwriter
from python_calamine import CalamineWorkbook


def cells_of(workbook: bytes) -> list[list[list[Any]]]:
    """Return the cells of every sheet."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(workbook))
    return [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]


def written(sheets: list[list[list[Any]]]) -> int:
    """Write the cells, numbers as numbers and texts as texts, without form or check; the size of the file."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        for rows in sheets:
            sheet = book.add_worksheet()
            for row, cells in enumerate(rows):
                for column, cell in enumerate(cells):
                    if isinstance(cell, str):
                        sheet.write_string(row, column, cell)
                    else:
                        sheet.write_number(row, column, cell)
    return len(target.getvalue())
