"""Reading a workbook back with a reader that is not its writer."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from python_calamine import CalamineWorkbook

TOTAL = "合计"


def cells(body: bytes, sheet: str) -> list[list[Any]]:
    """All cells of a sheet."""
    return CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_name(sheet).to_python(skip_empty_area=False)


def sheets(body: bytes) -> list[str]:
    """The names of the sheets, in order."""
    return list(CalamineWorkbook.from_filelike(io.BytesIO(body)).sheet_names)


def raw(body: bytes) -> str:
    """All worksheets' XML."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return "".join(
            archive.read(name).decode() for name in sorted(archive.namelist()) if name.startswith("xl/worksheets/")
        )


def column(body: bytes, sheet: str, head: str) -> list[Any]:
    """The cells under a head in the first row, without the row of sums."""
    found = cells(body, sheet)
    place = found[0].index(head)
    return [row[place] for row in found[1:] if row[0] != TOTAL]


def total(body: bytes, sheet: str, head: str) -> Any:
    """The sum under a head in the first row."""
    found = cells(body, sheet)
    (row,) = [row for row in found if row[0] == TOTAL]
    assert row is found[-1]
    return row[found[0].index(head)]
