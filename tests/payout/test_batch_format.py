"""Batch files as bytes: every field is text, every letter of Unicode survives, and what was changed is not believed."""

from __future__ import annotations

import csv
import hashlib
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from settlement.errors import NotAllowed
from settlement.numbers.yuan import fen_of_plain_yuan, fen_of_written_yuan, plain_yuan
from settlement.payout.batch_format import (
    ANSWER_COLUMNS,
    ENCODINGS,
    PAYMENT_COLUMNS,
    PAYMENTS,
    answer_file,
    payment_file,
    read_answers,
    read_rows,
)

RARE = "𬭚𬬭科技（䶮·㐂）𠮷有限公司"  # letters of extensions A, B and E, as in names that people and companies have
ROWS = [
    ("SB-a-1", "paid", 1234567, "B1", "成功"), ("SB-a-2", "failed", 100, "", "账号不存在"),
    ("SB-a-3", "not_found", 0, "", ""),
]  # fmt: skip


def payment(holder: str = RARE, account: str = "0012345678901234567", fen: int = 100) -> dict[str, object]:
    """A payment with its account in plain."""
    where = {"holder": holder, "bank": "示例银行", "account": account}
    return {"reference": "SB-a-1", "uscc": "91340100MA0000001K", "amount_fen": fen, "account": where}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_field_is_quoted_text_and_rare_letters_survive(encoding: str) -> None:
    raw = payment_file("SBPAY-1.csv", [payment()], purpose="算力补助", encoding=encoding)
    text = raw.decode(encoding)
    lines = text.split("\r\n")
    assert lines[-1] == ""
    assert all(line.startswith('"') and line.endswith('"') for line in lines[:-1])
    assert next(csv.reader(io.StringIO(lines[2]))) == [
        "SB-a-1", RARE, "91340100MA0000001K", "示例银行", "0012345678901234567", "1.00", "算力补助",
    ]  # fmt: skip
    assert read_rows(raw, PAYMENTS, PAYMENT_COLUMNS, encoding=encoding)[0]["payee"] == RARE


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"))), st.sampled_from(ENCODINGS))
def test_any_name_comes_back_as_it_was(name: str, encoding: str) -> None:
    raw = payment_file("SBPAY-1.csv", [payment(name)], purpose="x", encoding=encoding)
    assert read_rows(raw, PAYMENTS, PAYMENT_COLUMNS, encoding=encoding)[0]["payee"] == name


@pytest.mark.parametrize(("said", "instead"), [(b'"3"', b'"4"'), (b'"12346.67"', b'"12346.68"')])
def test_a_return_file_whose_lines_come_to_something_else_is_not_believed(said: bytes, instead: bytes) -> None:
    rows, _, checks = answer_file("a.csv", "b.csv", ROWS, encoding="utf-8").rstrip(b"\r\n").rpartition(b"\r\n")
    assert len(read_answers(rows + b"\r\n" + checks + b"\r\n", encoding="utf-8").lines) == len(ROWS)
    assert said in checks
    with pytest.raises(NotAllowed) as refused:
        read_answers(rows + b"\r\n" + checks.replace(said, instead) + b"\r\n", encoding="utf-8")
    assert refused.value.code == "ANSWER_NOT_UNDERSTOOD"


def test_a_line_break_in_a_name_does_not_become_a_line() -> None:
    raw = payment_file("SBPAY-1.csv", [payment("甲\r\n乙\0丙")], purpose="x", encoding="utf-8")
    assert raw.count(b"\n") == 4
    assert read_rows(raw, PAYMENTS, PAYMENT_COLUMNS, encoding="utf-8")[0]["payee"] == "甲  乙 丙"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_return_file_is_read_back_line_by_line(encoding: str) -> None:
    found = read_answers(answer_file("RET.csv", "SBASK-1.csv", ROWS, encoding=encoding), encoding=encoding)
    assert found.answers == "SBASK-1.csv"
    assert [(one.reference, one.status, one.amount_fen, one.bank_reference, one.reason) for one in found.lines] == [
        ("SB-a-1", "paid", 1234567, "B1", "成功"), ("SB-a-2", "failed", 100, None, "账号不存在"),
        ("SB-a-3", "not_found", 0, None, ""),
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_byte_order_mark_in_front_is_no_matter_whether_it_was_summed_or_not(encoding: str) -> None:
    mark, raw = "\ufeff".encode(encoding), answer_file("RET.csv", "", ROWS, encoding=encoding)
    assert len(read_answers(mark + raw, encoding=encoding).lines) == len(ROWS)
    body, check = raw[: raw.index(b'"CHECK"')], raw[raw.index(b'"CHECK"') : raw.index(b"sha256:") + 7]
    summed = hashlib.sha256(mark + body).hexdigest().encode()
    assert len(read_answers(mark + body + check + summed + b'"\r\n', encoding=encoding).lines) == len(ROWS)


def test_lines_may_end_as_the_bank_ends_them() -> None:
    lines = answer_file("RET.csv", "", ROWS, encoding="utf-8").split(b"\r\n")[:-2]
    for end, last in ((b"\n", b"\n"), (b"\r\n", b""), (b"\n", b"")):
        body = end.join(lines) + end
        fen = plain_yuan(sum(row[2] for row in ROWS))
        check = f"CHECK,{len(ROWS)},{fen},sha256:{hashlib.sha256(body).hexdigest()}".encode()
        assert len(read_answers(body + check + last, encoding="utf-8").lines) == len(ROWS)


GOOD = answer_file("RET.csv", "", ROWS, encoding="utf-8")
BROKEN = {
    "cut off": GOOD[:-40],
    "half": GOOD[: len(GOOD) // 2],
    "a digit changed": GOOD.replace(b"12345.67", b"12345.68"),
    "a line too few": GOOD.replace(GOOD.split(b"\r\n")[3] + b"\r\n", b""),
    "another encoding": answer_file("RET.csv", "", ROWS, encoding="gb18030"),
    "names of columns twice": GOOD.replace(b'"reference","status"', b'"status","status"'),
    "no file of answers": payment_file("x", [payment()], purpose="", encoding="utf-8"),
    "nothing": b"",
    "a line behind the checks": GOOD + GOOD.split(b"\r\n")[2] + b"\r\n",
    "a line of nothing in the middle": GOOD.replace(b'"SB-a-2"', b'\r\n"SB-a-2"'),
    "no head": GOOD[GOOD.index(b"\r\n") + 2 :],
    "another version": GOOD.replace(b'"SUANBU-RETURN","1"', b'"SUANBU-RETURN","2"'),
    "another check sum": GOOD.replace(b"sha256:", b"sha256:0"),
    "checks twice": GOOD + GOOD[GOOD.index(b'"CHECK"') :],
    "nulls": b"\0" * 500,
    "a quote that never ends": b'"SUANBU-RETURN","1","x' + b"a" * 1000,
    "too large": GOOD + b" " * (4 * 1024 * 1024),
}


@pytest.mark.parametrize("name", list(BROKEN))
def test_a_file_that_was_changed_or_cut_off_is_not_believed(name: str) -> None:
    assert BROKEN[name] != GOOD
    with pytest.raises(NotAllowed) as refused:
        read_answers(BROKEN[name], encoding="utf-8")
    assert refused.value.code == "ANSWER_NOT_UNDERSTOOD"


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (("SB-a-1", "PAID", 100, "B1", ""), "ANSWER_NOT_UNDERSTOOD"),
        (("SB-a-1", "paid", 0, "B1", ""), "ANSWER_NOT_UNDERSTOOD"),
        (("SB-a-1", "paid", 100, "", ""), "BANK_REFERENCE_MISSING"),
        (("SB-a-1", "paid", 100, "参考号", ""), "BANK_REFERENCE_INVALID"),
        (("SB-a-1", "paid", 100, "  ", ""), "BANK_REFERENCE_MISSING"),
        (("SB-a-1", "paid", 100, "\u3000\u3000", ""), "BANK_REFERENCE_INVALID"),
        (("SB-a-1", "paid", 100, "B" * 65, ""), "BANK_REFERENCE_INVALID"),
        (("SB-汉", "paid", 100, "B1", ""), "ANSWER_NOT_UNDERSTOOD"),
        (("SB-a-1", "paid", 2**63, "B1", ""), "ANSWER_NOT_UNDERSTOOD"),
    ],
)
def test_a_line_that_cannot_be_booked_says_why_and_the_others_stand(
    row: tuple[str, str, int, str, str], code: str
) -> None:
    found = read_answers(answer_file("RET.csv", "", [row, *ROWS], encoding="utf-8"), encoding="utf-8")
    assert found.lines[0].refusal is not None
    assert found.lines[0].refusal.code == code
    assert [one.refusal for one in found.lines[1:]] == [None] * len(ROWS)
    assert len(ANSWER_COLUMNS) == len(row)


def test_amounts_are_exact_text() -> None:
    for fen in (0, 1, 99, 100, 123456, 2**62):
        assert fen_of_plain_yuan(plain_yuan(fen)) == fen
    for text in ("1", "1.5", "1.234", "-1.00", "01.00", "1,000.00", "1e2", "", " 1.00", "١.٠٠"):
        assert fen_of_plain_yuan(text) is None
    written = {"1,234.5": 123450, "-12.30": -1230, "(12.30)": -1230, "￥7": 700, "1.2300": 123, "": None, "1.234": None,
               "abc": None, "1,23.00": None}  # fmt: skip
    assert {text: fen_of_written_yuan(text) for text in written} == written
