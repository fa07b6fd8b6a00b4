"""A file of accounts as people fill it in: entity, holder, bank, account; csv or the first sheet of a workbook."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from settlement.errors import NotAllowed
from settlement.payout.workbook_rows import NotAWorkbook, workbook_rows

HEADS: Final = ("统一社会信用代码", "户名", "开户银行", "账号")
ROWS_MAX: Final = 5000
_ENCODINGS: Final = ("utf-8-sig", "gb18030")
_WORKBOOK: Final = b"PK\x03\x04"
_HEADS_WITHIN: Final = 20
_ACCOUNT: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{3,63}")
_BLANKS: Final = re.compile(r"[\s\u3000]+")


@dataclass(frozen=True)
class AccountRow:
    """One row: where it stands in the file, whose account, and the account."""

    row: int
    uscc: str
    account: dict[str, str]


def read_accounts(raw: bytes) -> list[AccountRow]:
    """Read a file of accounts: its heads in one of the first rows, in any order, other columns beside them.

    Raises NotAllowed ACCOUNTS_NOT_UNDERSTOOD with the row: a head that is missing, a cell that is empty, an entity
    named twice, an account that is no text of digits and letters, as where a spreadsheet has made a number of it.
    """
    rows = _workbook(raw) if raw.startswith(_WORKBOOK) else _csv(raw)
    head, places = _heads(rows)
    found: list[AccountRow] = []
    for number, cells in enumerate(rows[head + 1 :], start=head + 2):
        texts = [_text(number, cells[place]) if place < len(cells) else "" for place in places]
        if not any(texts):
            continue
        if not all(texts):
            raise _unclear(f"row {number}: {HEADS[texts.index('')]} is empty")
        uscc, holder, bank, account = texts
        account = _BLANKS.sub("", account)
        if not _ACCOUNT.fullmatch(account):
            raise _unclear(f"row {number}: the account is no text of 4 to 64 digits and letters: {account[:24]!r}")
        found.append(AccountRow(number, uscc, {"bank": bank, "account": account, "holder": holder}))
    if not 1 <= len(found) <= ROWS_MAX:
        raise _unclear(f"it has {len(found)} accounts; 1 to {ROWS_MAX} are taken")
    if len({one.uscc for one in found}) < len(found):
        raise _unclear("an entity is named twice")
    return found


def _heads(rows: Sequence[Sequence[Any]]) -> tuple[int, list[int]]:
    for number, cells in enumerate(rows[:_HEADS_WITHIN]):
        names = [str(cell).strip() for cell in cells]
        if all(names.count(head) == 1 for head in HEADS):
            return number, [names.index(head) for head in HEADS]
    raise _unclear(f"none of its first rows has the heads {', '.join(HEADS)}, each once")


def _text(number: int, cell: Any) -> str:
    if isinstance(cell, bool | int | float):
        raise _unclear(f"row {number}: a cell is a number and not a text: its digits may be lost")
    return str(cell).strip(" \t\u3000").removeprefix("'")


def _csv(raw: bytes) -> list[list[str]]:
    for encoding in _ENCODINGS:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        try:
            return list(csv.reader(io.StringIO(text, newline=""), strict=True))
        except csv.Error as error:
            raise _unclear(f"it is no CSV: {error}") from None
    raise _unclear("it is neither UTF-8 nor GB18030")


def _workbook(raw: bytes) -> list[list[Any]]:
    try:
        return workbook_rows(raw, None, ROWS_MAX + _HEADS_WITHIN + 1)
    except NotAWorkbook as error:
        raise _unclear(str(error)) from None


def _unclear(detail: str) -> NotAllowed:
    return NotAllowed("ACCOUNTS_NOT_UNDERSTOOD", detail)
