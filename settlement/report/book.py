"""A workbook that leaves in portions: the frame of every sheet comes from the library, the rows are put into it."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import xlsxwriter

from settlement.report.cells import rows_xml
from settlement.report.outlet import Outlet
from settlement.report.page import Grid, Page, Styles

Draw = Callable[[Page], None]
UNDATED: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - a workbook's dates carry no zone
LEVEL: Final = 3  # of compression: beyond, a file takes longer than its rows
ROWS_OF_SMALL_FILES: Final = 500_000  # a sheet of more may have 2 GiB, and says how long it is in 64 bits
_FIRST: Final = "_rels/.rels"  # by it programs tell a workbook from other archives
_DATE: Final = (1980, 1, 1, 0, 0, 0)


class Book:
    """One workbook. Sheets whose rows are known first leave first: `begin`, where there are any, then `end` with all
    sheets."""

    def __init__(self, settlement: Mapping[str, Any], title: str, subject: str) -> None:
        self._settlement, self._title, self._subject = settlement, title, subject
        self._outlet = Outlet()
        self._archive = zipfile.ZipFile(self._outlet, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)
        self._first: Sequence[str] = ()
        self._begun: dict[str, bytes] = {}

    def begin(self, pages: Mapping[str, Draw], first: Sequence[str]) -> Iterator[bytes]:
        """Yield the sheets named `first`, in their places among `pages`."""
        self._first = first
        frame = self._frame(pages)
        yield from self._file(_FIRST, [frame.parts[_FIRST]])
        for name in first:
            file = frame.files[name]
            self._begun[file] = frame.parts[file]
            yield from self._sheet(frame, name)

    def end(self, pages: Mapping[str, Draw]) -> Iterator[bytes]:
        """Yield everything else, and the end of the file."""
        frame = self._frame(pages)
        assert all(frame.parts[file] == whole for file, whole in self._begun.items()), "a sheet left too early"
        if not self._begun:
            yield from self._file(_FIRST, [frame.parts[_FIRST]])
        sheets = {file: name for name, file in frame.files.items()}
        for file, whole in frame.parts.items():
            if file in sheets and file not in self._begun:
                yield from self._sheet(frame, sheets[file])
            elif file not in sheets and file != _FIRST:
                yield from self._file(file, [whole])
        self._archive.close()
        yield self._outlet.taken()

    def _frame(self, pages: Mapping[str, Draw]) -> _Frame:
        """Return the workbook without its rows.

        Those who left first are drawn first, so that they come out the same.
        """
        out = io.BytesIO()
        options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        book = xlsxwriter.Workbook(out, {**options, "strings_to_numbers": False})
        settlement = self._settlement
        book.set_properties(
            {
                "title": self._title,
                "subject": self._subject,
                "comments": str(settlement["digest"]),
                "created": _created(settlement),
            }
        )
        book.set_calc_mode("manual")  # nothing here is a formula
        styles = Styles(book)
        footer = f"&L{settlement['id']}&C第 &P 页，共 &N 页&R{str(settlement['digest'])[:23]}"
        drawn = {name: Page(book, styles, name, footer) for name in pages}
        for name in sorted(pages, key=lambda name: name not in self._first):
            pages[name](drawn[name])
        book.close()
        with zipfile.ZipFile(out) as archive:
            parts = {file: archive.read(file) for file in archive.namelist()}
        files = {name: f"xl/worksheets/sheet{number}.xml" for number, name in enumerate(pages, start=1)}
        return _Frame(parts, files, {name: page.grids for name, page in drawn.items()})

    def _sheet(self, frame: _Frame, name: str) -> Iterator[bytes]:
        grids = frame.grids[name]
        long = sum(grid.sheet.count for grid in grids) > ROWS_OF_SMALL_FILES
        yield from self._file(frame.files[name], _filled(frame.parts[frame.files[name]], grids), long=long)

    def _file(self, name: str, portions: Iterable[bytes], *, long: bool = False) -> Iterator[bytes]:
        """Put a file into the archive and yield what has been written so far."""
        entry = zipfile.ZipInfo(name, _DATE)
        entry.compress_type = zipfile.ZIP_DEFLATED
        with self._archive.open(entry, "w", force_zip64=long) as file:
            for portion in portions:
                file.write(portion)
                if written := self._outlet.taken():
                    yield written


@dataclass(frozen=True)
class _Frame:
    """A workbook's files by name, the file of each sheet, and where rows belong in it."""

    parts: dict[str, bytes]
    files: dict[str, str]
    grids: dict[str, list[Grid]]


def _filled(frame: bytes, grids: Sequence[Grid]) -> Iterator[bytes]:
    """Yield a sheet's XML with the rows of its grids where each marked its last one."""
    done = 0
    for grid in grids:
        marked = re.compile(b'<row r="%d".*?</row>' % (grid.above + grid.sheet.count)).search(frame, done)
        assert marked is not None, f"{grid.sheet.title} has no room for its rows"
        yield frame[done : marked.start()]
        done, above = marked.end(), grid.above
        for rows in grid.sheet.frames():
            yield rows_xml(grid.sheet, rows, above, grid.styles, grid.widths)
            above += rows.height
        assert above == grid.above + grid.sheet.count, f"{grid.sheet.title} has other rows than it said"
    yield frame[done:]


def _created(settlement: Mapping[str, Any]) -> datetime:
    """Return the day the settlement was computed, so that the same settlement is the same file."""
    value = settlement.get("created_at")
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=None, microsecond=0) if isinstance(moment, datetime) else UNDATED
