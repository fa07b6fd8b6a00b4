"""What the bank says in bytes: answers over HTTP and return files, right or wrong in each of its ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, NamedTuple

from settlement.numbers.yuan import fen_of_plain_yuan
from settlement.payout.batch_format import (
    PAYMENT_COLUMNS,
    PAYMENTS,
    QUESTION_COLUMNS,
    QUESTIONS,
    answer_file,
    read_rows,
)
from tests.bank.behaviour import SILENT, Behaviour
from tests.bank.journal import Payment

WRONG_ONCE: Final = ("garbage", "duplicate keys", "wrong encoding")


class Said(NamedTuple):
    """An answer over HTTP; `silent`: none comes, at once or after the client has gone."""

    status: int
    body: bytes
    silent: bool = False
    slow: bool = False


def answer_to_order(mind: Behaviour, reference: str, amount_fen: int) -> Said:
    """What comes back when a payment is handed over."""
    known = reference in mind.journal.payments
    payment = mind.take(reference, amount_fen)
    if payment is None:
        return Said(0, b"", silent=True)
    if mind.healed or known:
        return _truth(mind, reference, payment)
    return _in_its_way(mind, reference, payment)


def answer_to_question(mind: Behaviour, reference: str) -> Said:
    """What comes back when the bank is asked about a reference."""
    payment = mind.found(reference)
    if payment is None:
        return Said(404, json.dumps({"reference": reference, "status": "not_found"}).encode())
    if not mind.healed and payment.told == 0 and payment.way in WRONG_ONCE:
        return _in_its_way(mind, reference, payment)
    return _truth(mind, reference, payment)


def _truth(mind: Behaviour, reference: str, payment: Payment) -> Said:
    return Said(200, json.dumps(mind.truth(reference, payment)).encode())


def _in_its_way(mind: Behaviour, reference: str, payment: Payment) -> Said:
    way = payment.way
    if way == "5xx":
        return Said(503, b"<html>busy</html>")
    if way == "slow":
        return Said(200, json.dumps(mind.truth(reference, payment)).encode(), slow=True)
    if way in SILENT:
        return Said(0, b"", silent=True)
    text = json.dumps(mind.truth(reference, payment))
    if way == "garbage":
        return Said(200, text[: len(text) // 2].encode())
    if way == "duplicate keys":
        return Said(200, ('{"status": "failed", ' + text[1:]).encode())
    if way == "wrong encoding":
        return Said(200, json.dumps({**json.loads(text), "reason": "转帐完成"}, ensure_ascii=False).encode("gb18030"))
    return Said(200, text.encode())


class FileBank:
    """Reads `out/` of a folder and answers in `in/`; what it has read it takes away."""

    def __init__(self, mind: Behaviour, folder: Path, encoding: str) -> None:
        self.mind = mind
        self.folder = folder
        self.encoding = encoding
        self._wrong: dict[str, set[str]] = {}
        self._count = 0

    def work(self) -> None:
        """Take every file, answer what there is to answer; one return file for each thing that is wrong with some."""
        answers = self.folder / "in"
        if not answers.is_dir():
            return
        for path in sorted((self.folder / "out").glob("*.csv")):
            self._read(path)
        due = {
            reference: payment
            for reference, payment in self.mind.journal.payments.items()
            if self.mind.healed or payment.way not in SILENT or payment.told
        }
        self._answer(due, "")

    def _read(self, path: Path) -> None:
        raw = path.read_bytes()
        if path.name.startswith("SBASK"):
            asked = [row["reference"] for row in read_rows(raw, QUESTIONS, QUESTION_COLUMNS, encoding=self.encoding)]
            found = {one: payment for one in asked if (payment := self.mind.found(one)) is not None}
            rows = [(one, "not_found", 0, "", "") for one in asked if one not in found]
            self._write("unknown", path.name, rows)
            self._answer(found, path.name)
        else:
            for row in read_rows(raw, PAYMENTS, PAYMENT_COLUMNS, encoding=self.encoding):
                assert row["account"]
                assert row["payee"]
                fen = fen_of_plain_yuan(row["amount_yuan"])
                assert fen
                self.mind.take(row["reference"], fen)
        path.unlink()

    def _answer(self, due: dict[str, Payment], question: str) -> None:
        """Say what became of these; once wrongly, where that is their way, and then right."""
        for way in WRONG_ONCE:
            wrong = {
                one for one, payment in due.items()
                if payment.way == way and one not in self._wrong.setdefault(way, set()) and not self.mind.healed
            }  # fmt: skip
            if wrong:
                self._wrong[way] |= wrong
                self._write(way, question, [self._row(one, due[one]) for one in sorted(wrong)])
        twice = [self._row(one, payment) for one, payment in due.items() if payment.way == "notified twice"]
        self._write("again", question, twice)
        self._write("", question, [self._row(one, payment) for one, payment in due.items()])

    def _row(self, reference: str, payment: Payment) -> tuple[str, str, int, str, str]:
        said = self.mind.truth(reference, payment)
        fen = said["amount_fen"]
        assert isinstance(fen, int)
        return reference, str(said["status"]), fen, str(said["bank_reference"]), "回单"

    def _write(self, way: str, question: str, rows: list[tuple[str, str, int, str, str]]) -> None:
        if not rows:
            return
        self._count += 1
        name = f"RET-{self.mind.day}-{self._count}-{way.replace(' ', '-')}.csv"
        other = "gb18030" if self.encoding == "utf-8" else "utf-8"
        raw = answer_file(name, question, rows, encoding=other if way == "wrong encoding" else self.encoding)
        if way == "garbage":
            raw = raw[: len(raw) // 2]
        if way == "duplicate keys":
            raw = raw.replace(b'"reference","status"', b'"status","status"')
        part = self.folder / f".{name}.part"
        part.write_bytes(raw)
        part.rename(self.folder / "in" / name)
