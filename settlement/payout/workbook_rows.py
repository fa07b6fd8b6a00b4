"""The first rows of a workbook, read in a process of its own with little memory and little time.

A workbook of a kilobyte may name a cell in its last row and column: the library makes room for all cells before it, and
where there is no such room it ends the process that it runs in. So it runs in one that has nothing else to do.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final

MEMORY_BYTES: Final = 1024 * 1024 * 1024
SECONDS: Final = 20
CELLS_MAX: Final = 2_000_000
_TOO_LARGE: Final = 3  # an exit status
_DAY, _MOMENT = "day", "moment"


class NotAWorkbook(Exception):
    """It cannot be read, or not with the memory and time that there is for it."""


def workbook_rows(raw: bytes, sheet: str | None, most: int) -> list[list[Any]]:
    """Return at most so many rows of a sheet (without a name: the first). Raises NotAWorkbook."""
    command = [sys.executable, "-I", str(Path(__file__).resolve()), str(most), *([] if sheet is None else [sheet])]
    try:
        done = subprocess.run(  # noqa: S603 - ourselves
            command, input=raw, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise NotAWorkbook(f"it takes more than {SECONDS} s to read") from None
    if done.returncode == _TOO_LARGE:
        raise NotAWorkbook(f"its sheet has more than {CELLS_MAX} cells, empty ones counted")
    if done.returncode != 0:
        raise NotAWorkbook("it is no workbook that can be read")
    return [[_read(cell) for cell in row] for row in json.loads(done.stdout)]


def _read(cell: Any) -> Any:
    if isinstance(cell, dict):
        (kind, text), *_ = cell.items()
        return date.fromisoformat(text) if kind == _DAY else datetime.fromisoformat(text)
    return cell


def _written(cell: Any) -> Any:
    if isinstance(cell, datetime):
        return {_MOMENT: cell.isoformat()}
    if isinstance(cell, date):
        return {_DAY: cell.isoformat()}
    return cell if isinstance(cell, str | int | float | bool) else str(cell)


def _main() -> int:
    """Read a workbook from standard input, and write its rows as JSON."""
    import python_calamine

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    book = python_calamine.CalamineWorkbook.from_filelike(BytesIO(sys.stdin.buffer.read()))
    sheet = book.get_sheet_by_name(sys.argv[2] if len(sys.argv) > 2 else book.sheet_names[0])
    if sheet.total_width * sheet.total_height > CELLS_MAX:
        return _TOO_LARGE
    rows = sheet.to_python(skip_empty_area=False, nrows=int(sys.argv[1]))
    json.dump([[_written(cell) for cell in row] for row in rows], sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
