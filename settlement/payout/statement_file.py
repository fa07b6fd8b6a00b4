"""Reading a bank's statement: CSV or xlsx as the bank gives it, mapped by a small TOML; nothing is guessed."""

from __future__ import annotations

import csv
import io
import itertools
import re
import struct
import tomllib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from settlement.errors import NotAllowed
from settlement.numbers.yuan import fen_of_written_yuan
from settlement.payout.words import AMOUNT_LIMIT
from settlement.payout.workbook_rows import NotAWorkbook, workbook_rows

STATEMENT_BYTES: Final = 4 * 1024 * 1024
UNPACKED_BYTES: Final = 64 * 1024 * 1024
LINES_MAX: Final = 50_000
COLUMNS_MAX: Final = 200
MAPPINGS: Final = Path(__file__).with_name("mappings")
OUR_REFERENCE: Final = re.compile(r"SB-[A-Za-z0-9._-]{1,80}")
_TEXTS: Final = ("name", "encoding", "sheet", "date_format")
_COLUMNS: Final = ("date", "paid", "received", "amount", "direction", "bank_reference", "counterparty", "account")
_CELL: Final = 300
SKIPPED: Final = ("合计", "总计", "承前页", "过次页")
_XLSX: Final = b"PK\x03\x04"


@dataclass(frozen=True)
class StatementMapping:
    """Which column of a bank's statement is what."""

    name: str
    columns: Mapping[str, str]
    said: Sequence[str]
    encoding: str = "utf-8"
    sheet: str | None = None
    date_format: str = "%Y-%m-%d"
    heads_in_row: int = 1
    out_words: Sequence[str] = ()
    skip_words: Sequence[str] = SKIPPED


@dataclass(frozen=True)
class StatementLine:
    """A movement as the bank states it; paid out is above 0, received below."""

    booked_on: date
    moved_fen: int
    bank_reference: str
    reference: str
    counterparty: str
    account_masked: str
    said: str


@dataclass(frozen=True)
class Statement:
    """What was read, and how many rows were no movements."""

    lines: Sequence[StatementLine]
    skipped: int


def mapping_named(name: str) -> StatementMapping:
    """Return a mapping that comes with us. Raises NotAllowed NO_SUCH_MAPPING."""
    known = sorted(path.stem for path in MAPPINGS.glob("*.toml"))
    if name not in known:
        raise NotAllowed("NO_SUCH_MAPPING", f"there is no mapping of that name; there are {', '.join(known)}")
    return read_mapping((MAPPINGS / f"{name}.toml").read_text(encoding="utf-8"))


def read_mapping(text: str) -> StatementMapping:
    """Read a mapping. Raises NotAllowed MAPPING_INVALID."""
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _invalid(str(error)) from None
    columns = given.pop("columns", None)
    if not isinstance(columns, dict):
        raise _invalid("it has no table columns")
    said = columns.pop("said", [])
    lists = {"out_words": given.pop("out_words", []), "said": said, "skip_words": given.pop("skip_words", None)}
    heads = given.pop("heads_in_row", 1)
    for name, value in {**given, **columns}.items():
        if not isinstance(value, str) or name not in (*_TEXTS, *_COLUMNS):
            raise _invalid(f"{name} is none of its settings, or no text")
    if any(one is not None and (not isinstance(one, list) or any(type(word) is not str for word in one))
           for one in lists.values()) or type(heads) is not int or not 1 <= heads <= 100:  # fmt: skip
        raise _invalid("said, out_words and skip_words are lists of texts, heads_in_row a row from 1 to 100")
    if not {"date", "bank_reference"} <= set(columns):
        raise _invalid("columns names date and bank_reference")
    two, one = {"paid", "received"} <= set(columns), {"amount", "direction"} <= set(columns)
    if two == one or (one and not lists["out_words"]):
        raise _invalid("columns names paid and received, or amount and direction with out_words")
    if given.get("encoding", "utf-8") not in ("utf-8", "gb18030"):
        raise _invalid("encoding is utf-8 or gb18030")
    skip = SKIPPED if lists["skip_words"] is None else tuple(lists["skip_words"])
    return StatementMapping(
        given.get("name", "unnamed"), columns, tuple(said), given.get("encoding", "utf-8"), given.get("sheet"),
        given.get("date_format", "%Y-%m-%d"), heads, tuple(lists["out_words"]), skip,
    )  # fmt: skip


def read_statement(raw: bytes, mapping: StatementMapping) -> Statement:
    """Read a statement. Raises NotAllowed STATEMENT_NOT_UNDERSTOOD, naming the row, for anything that is not clear."""
    if len(raw) > STATEMENT_BYTES:
        raise _unclear(f"it has more than {STATEMENT_BYTES} bytes")
    found = _xlsx_rows(raw, mapping) if raw.startswith(_XLSX) else _csv_rows(raw, mapping)
    rows = list(itertools.islice(found, LINES_MAX + 1))
    if len(rows) > LINES_MAX:
        raise _unclear(f"it has more than {LINES_MAX} rows")
    if len(rows) < mapping.heads_in_row:
        raise _unclear(f"it has no row {mapping.heads_in_row} with the names of its columns")
    if any(len(row) > COLUMNS_MAX for row in rows):
        raise _unclear(f"it has more than {COLUMNS_MAX} columns")
    heads = [_text(cell) for cell in rows[mapping.heads_in_row - 1]]
    places = {}
    for name, head in [*mapping.columns.items(), *((f"said:{one}", one) for one in mapping.said)]:
        if heads.count(head) != 1:
            raise _unclear(f"row {mapping.heads_in_row} has the column {head!r} {heads.count(head)} times, not once")
        places[name] = heads.index(head)
    lines, skipped = [], 0
    for number, row in enumerate(rows[mapping.heads_in_row :], start=mapping.heads_in_row + 1):
        cells = [*row, *[""] * (len(heads) - len(row))]
        if not any(_text(cell) for cell in cells) or any(_text(cell) in mapping.skip_words for cell in cells):
            skipped += 1
            continue
        lines.append(_line(number, cells, places, mapping))
    if not lines:
        raise _unclear("it has no movement")
    return Statement(lines, skipped)


def _line(number: int, cells: Sequence[Any], places: Mapping[str, int], mapping: StatementMapping) -> StatementLine:
    def cell(name: str) -> str:
        return _text(cells[places[name]]) if name in places else ""

    if "amount" in places:
        fen = _fen(number, cells[places["amount"]])
        moved = fen if cell("direction") in mapping.out_words else -fen
    else:
        moved = _fen(number, cells[places["paid"]]) - _fen(number, cells[places["received"]])
    if not 0 < abs(moved) < AMOUNT_LIMIT:
        raise _unclear(f"row {number}: it moves no money, or too much")
    said = " ".join(text for name in places if name.startswith("said:") and (text := cell(name)))
    ours = OUR_REFERENCE.search(said)
    account = cell("account")
    return StatementLine(
        _day(number, cells[places["date"]], mapping.date_format), moved, cell("bank_reference"),
        ours[0] if ours else "", cell("counterparty"), f"****{account[-4:]}" if account else "", said[:_CELL],
    )  # fmt: skip


def _csv_rows(raw: bytes, mapping: StatementMapping) -> Iterator[list[str]]:
    try:
        text = raw.decode("utf-8-sig" if mapping.encoding == "utf-8" else mapping.encoding)
    except UnicodeDecodeError:
        raise _unclear(f"it is not {mapping.encoding}") from None
    try:
        yield from csv.reader(io.StringIO(text, newline=""), strict=True)
    except csv.Error as error:
        raise _unclear(f"it is no CSV: {error}") from None


def _xlsx_rows(raw: bytes, mapping: StatementMapping) -> list[list[Any]]:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            if sum(part.file_size for part in packed.infolist()) > UNPACKED_BYTES:
                raise _unclear(f"unpacked it has more than {UNPACKED_BYTES} bytes")
        return workbook_rows(raw, mapping.sheet, LINES_MAX + 1)
    except NotAWorkbook as error:
        raise _unclear(str(error)) from None
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise _unclear(f"it is no workbook that can be read: {type(error).__name__}") from None


def _text(cell: Any) -> str:
    """A cell as text: a whole number in a workbook is one without a point."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return "".join(letter if letter.isprintable() else " " for letter in str(cell)).strip()[:_CELL]


def _fen(number: int, cell: Any) -> int:
    """An amount; an empty one is none. A workbook keeps numbers in binary: what is written is its shortest text."""
    text = repr(cell) if isinstance(cell, (int, float)) and not isinstance(cell, bool) else _text(cell)
    if text in ("", "-", "--"):
        return 0
    fen = fen_of_written_yuan(text)
    if fen is None:
        raise _unclear(f"row {number}: {text[:30]!r} is no amount in yuan with at most two decimals")
    return fen


def _day(number: int, cell: Any, form: str) -> date:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    try:
        return datetime.strptime(_text(cell), form).date()  # noqa: DTZ007 - a bank's day carries no zone
    except ValueError:
        raise _unclear(f"row {number}: {_text(cell)[:30]!r} is no day written as {form}") from None


def _unclear(detail: str) -> NotAllowed:
    return NotAllowed("STATEMENT_NOT_UNDERSTOOD", detail)


def _invalid(detail: str) -> NotAllowed:
    return NotAllowed("MAPPING_INVALID", detail)
