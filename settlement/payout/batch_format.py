"""The batch files exchanged with a bank: a head, a line of names, one line a payment, a line with checks; pure.

Every field is quoted and text, lines end with CR LF, the last line has the number of payments, their sum in yuan and a
SHA-256 over all bytes before it. The same text is written as UTF-8 or GB18030, which both hold every letter of Unicode.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from settlement.errors import NotAllowed
from settlement.numbers.yuan import fen_of_plain_yuan, plain_yuan
from settlement.payout.bank_reference import checked_bank_reference
from settlement.payout.words import AMOUNT_LIMIT, OUTCOMES

ENCODINGS: Final = ("utf-8", "gb18030")
VERSION: Final = "1"
PAYMENTS, QUESTIONS, ANSWERS = "SUANBU-PAY", "SUANBU-ASK", "SUANBU-RETURN"
CHECK: Final = "CHECK"
PAYMENT_COLUMNS: Final = ("reference", "payee", "uscc", "bank", "account", "amount_yuan", "purpose")
QUESTION_COLUMNS: Final = ("reference", "amount_yuan")
ANSWER_COLUMNS: Final = ("reference", "status", "amount_yuan", "bank_reference", "reason")
WORKING, NOT_FOUND = "working", "not_found"
STATUSES: Final = (*OUTCOMES, WORKING, NOT_FOUND)
FILE_BYTES: Final = 4 * 1024 * 1024
LINES_MAX: Final = 100_000
FIELD_CHARACTERS: Final = 1000
MARK: Final = "\ufeff"
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True)
class AnswerLine:
    """What the bank says about one reference of ours; or, with `refusal`, why that cannot be booked."""

    number: int
    reference: str
    status: str
    bank_reference: str | None
    amount_fen: int | None
    reason: str
    refusal: NotAllowed | None = None


@dataclass(frozen=True)
class Answers:
    """A return file: which file of ours it answers, and its lines."""

    answers: str
    lines: Sequence[AnswerLine]


def payment_file(name: str, payments: Sequence[Mapping[str, Any]], *, purpose: str, encoding: str) -> bytes:
    """Write payments (reference, uscc, amount_fen and account in plain) as the bank takes them."""
    rows = [
        (
            one["reference"], one["account"]["holder"], one["uscc"], one["account"]["bank"], one["account"]["account"],
            plain_yuan(one["amount_fen"]), purpose,
        )
        for one in payments
    ]  # fmt: skip
    return _file(PAYMENTS, name, PAYMENT_COLUMNS, rows, sum(one["amount_fen"] for one in payments), encoding)


def question_file(name: str, payments: Sequence[Mapping[str, Any]], *, encoding: str) -> bytes:
    """Write the references of which we have no answer, for the bank to say what became of each."""
    rows = [(one["reference"], plain_yuan(one["amount_fen"])) for one in payments]
    return _file(QUESTIONS, name, QUESTION_COLUMNS, rows, sum(one["amount_fen"] for one in payments), encoding)


def answer_file(name: str, answers: str, rows: Sequence[tuple[str, str, int, str, str]], *, encoding: str) -> bytes:
    """Write a return file, as a bank's adapter does: reference, status, fen, the bank's reference, reason."""
    lines = [(one[0], one[1], plain_yuan(one[2]), one[3], one[4]) for one in rows]
    return _file(ANSWERS, name, ANSWER_COLUMNS, lines, sum(one[2] for one in rows), encoding, answers)


def read_answers(raw: bytes, *, encoding: str) -> Answers:
    """Read a return file. Raises NotAllowed ANSWER_NOT_UNDERSTOOD where the file as a whole cannot be believed.

    A line that cannot be booked says why; the others stand.
    """
    head, rows = _read(raw, ANSWERS, ANSWER_COLUMNS, encoding)
    return Answers(head[3] if len(head) > 3 else "", [_line(number, row) for number, row in enumerate(rows, start=3)])


def read_rows(raw: bytes, kind: str, columns: Sequence[str], *, encoding: str) -> list[dict[str, str]]:
    """Read a file of payments or of questions, as a bank's adapter does. Raises NotAllowed ANSWER_NOT_UNDERSTOOD."""
    _, rows = _read(raw, kind, columns, encoding)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _file(
    kind: str, name: str, columns: Sequence[str], rows: Sequence[Sequence[str]], sum_fen: int, encoding: str,
    *more: str,
) -> bytes:  # fmt: skip
    body = _encoded([(kind, VERSION, name, *more), columns, *rows], encoding)
    digest = hashlib.sha256(body).hexdigest()
    return body + _encoded([(CHECK, str(len(rows)), plain_yuan(sum_fen), f"sha256:{digest}")], encoding)


def _encoded(rows: Sequence[Sequence[str]], encoding: str) -> bytes:
    assert encoding in ENCODINGS
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([[_CONTROLS.sub(" ", field) for field in row] for row in rows])
    return text.getvalue().encode(encoding)


def _read(raw: bytes, kind: str, columns: Sequence[str], encoding: str) -> tuple[list[str], list[list[str]]]:
    """Return the head line and the rows of a file whose checks hold."""
    if len(raw) > FILE_BYTES:
        raise _not_understood(f"it has more than {FILE_BYTES} bytes")
    mark = MARK.encode(encoding)
    bare = raw.removeprefix(mark)
    try:
        text = bare.decode(encoding)
    except UnicodeDecodeError:
        raise _not_understood(f"it is not {encoding}") from None
    if text.count("\n") > LINES_MAX:
        raise _not_understood(f"it has more than {LINES_MAX} lines")
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise _not_understood(f"it is no CSV: {error}") from None
    if len(lines) < 3 or lines[0][:2] != [kind, VERSION] or lines[1] != list(columns):
        raise _not_understood(f"it does not begin with {kind}, {VERSION} and the names of the columns")
    check = lines[-1]
    before = bare[: bare.rstrip(b"\r\n").rfind(b"\n") + 1]
    if len(check) != 4 or check[0] != CHECK:
        raise _not_understood("its last line is no line of checks: it may be cut off")
    # a byte order mark that a program put in front may be under the check sum or not
    if check[3] not in {f"sha256:{hashlib.sha256(one).hexdigest()}" for one in (before, mark + before)}:
        raise _not_understood("its check sum does not fit: it was changed or cut off")
    rows = lines[2:-1]
    if check[1] != str(len(rows)):
        raise _not_understood(f"it says {check[1][:20]} lines and has {len(rows)}")
    if any(len(row) != len(columns) or any(len(field) > FIELD_CHARACTERS for field in row) for row in rows):
        raise _not_understood("a line has more or fewer fields than the columns, or a field that is too long")
    fen = [fen_of_plain_yuan(row[columns.index("amount_yuan")]) for row in rows]
    if None not in fen and check[2] != plain_yuan(sum(one or 0 for one in fen)):
        raise _not_understood(f"it says {check[2][:30]} yuan and its lines come to another sum")
    return lines[0], rows


def _line(number: int, row: Sequence[str]) -> AnswerLine:
    reference, status, amount, bank_reference, reason = row
    fen = fen_of_plain_yuan(amount)
    try:
        if status not in STATUSES:
            raise _not_understood(f"line {number}: status is one of {', '.join(STATUSES)}")
        if not reference.isascii() or not reference.isprintable() or not reference:
            raise _not_understood(f"line {number}: that is no reference of ours")
        if fen is None or not (0 if status not in ("paid", "returned") else 1) <= fen < AMOUNT_LIMIT:
            raise _not_understood(f"line {number}: amount_yuan is an amount with two decimals, above 0 for money")
        theirs = None
        if bank_reference or status in ("paid", "returned"):
            theirs = checked_bank_reference(bank_reference)
    except NotAllowed as refusal:
        return AnswerLine(number, reference, status, None, None, reason, refusal)
    return AnswerLine(number, reference, status, theirs, fen, reason)


def _not_understood(detail: str) -> NotAllowed:
    return NotAllowed("ANSWER_NOT_UNDERSTOOD", detail)
