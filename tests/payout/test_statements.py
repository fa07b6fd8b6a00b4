"""Statements of the bank: read as banks give them, held against the books, and every difference told with its age."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import python_calamine
import xlsxwriter

from settlement.errors import NotAllowed
from settlement.numbers.yuan import fen_of_written_yuan, plain_yuan
from settlement.payout.gateways import HttpGateway
from settlement.payout.reconcile import Books, Reconciled, reconciled
from settlement.payout.statement_file import mapping_named, read_mapping, read_statement
from tests.bank.behaviour import Behaviour
from tests.bank.in_process import InProcessBank
from tests.bank.journal import Journal, own_reference
from tests.payout.conftest import Paying
from tests.payout.files import instructions
from tests.payout.released import a_pass, released
from tests.support.api_client import good
from tests.support.worlds import post

TODAY = date(2026, 12, 3)
HEADS = "交易日期,借方金额,贷方金额,交易流水号,对方户名,对方账号,摘要\n"
MORE = "2026-12-02,,10.00,B2,乙,,利息\n合计,,,,,,\n"
DIRECTION = "开户行\n账号\n记账日期,发生额,借贷标志,流水号,对方名称,对方帐号,用途,附言\n"


def test_a_csv_with_two_columns_of_money_is_read() -> None:
    first = '2026-12-01,"1,234.50",,B1,𠮷科技,6222000012345678,算力补助 SB-a-1\n'
    text = HEADS + first + MORE
    found = read_statement(text.encode("utf-8-sig"), mapping_named("standard"))
    assert found.skipped == 1
    assert [
        (one.booked_on.day, one.moved_fen, one.bank_reference, one.reference, one.counterparty, one.account_masked)
        for one in found.lines
    ] == [(1, 123450, "B1", "SB-a-1", "𠮷科技", "****5678"), (2, -1000, "B2", "", "乙", "")]


def test_a_csv_with_a_direction_under_titles_in_gb18030_is_read() -> None:
    text = DIRECTION + "20261201,12.30,借,77,䶮公司,1,SB-a-1,\n20261201,5,贷,78,乙,2,,退款\n"
    found = read_statement(text.encode("gb18030"), mapping_named("direction"))
    assert [(one.moved_fen, one.counterparty, one.said) for one in found.lines] == [
        (1230, "䶮公司", "SB-a-1"), (-500, "乙", "退款"),
    ]  # fmt: skip


def workbook(*rows: list[Any]) -> bytes:
    """A workbook with the columns of the standard mapping."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet("明细")
    for number, row in enumerate([HEADS.strip().split(","), *rows]):
        for place, cell in enumerate(row):
            sheet.write(number, place, cell)
    book.close()
    return out.getvalue()


def test_a_workbook_is_read_to_the_fen() -> None:
    raw = workbook(
        [date(2026, 12, 1), 0.29, None, 20261201000017, "甲", "0012", "SB-a-1"],
        ["2026-12-01", "", 1005.01, "B2", "", "", ""],
    )  # fmt: skip
    found = read_statement(raw, mapping_named("standard"))
    assert [(one.booked_on, one.moved_fen, one.bank_reference) for one in found.lines] == [
        (date(2026, 12, 1), 29, "20261201000017"), (date(2026, 12, 1), -100501, "B2"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"PK\x03\x04 no workbook", HEADS.encode(), (HEADS + "2026-12-01,1.234,,B,,,\n").encode(),
        (HEADS + "2026-12-01,1e3,,B,,,\n").encode(), (HEADS + "01.12.2026,1,,B,,,\n").encode(),
        (HEADS + "2026-12-01,,,B,,,\n").encode(), (HEADS + "2026-12-01,1,,B,,,\n").encode("gb18030"),
        HEADS.replace("借方金额", "贷方金额").encode() + b"2026-12-01,1,,B,,,\n", b"\0" * 100,
        b"a" * (4 * 1024 * 1024 + 1),
        (HEADS + '2026-12-01,"1,,B,,,\n').encode(),
    ],
)  # fmt: skip
def test_a_statement_that_is_not_clear_is_refused_as_a_whole(raw: bytes) -> None:
    with pytest.raises(NotAllowed) as refused:
        read_statement(raw, mapping_named("standard"))
    assert refused.value.code == "STATEMENT_NOT_UNDERSTOOD"


@pytest.mark.parametrize(
    "text",
    [
        "", "columns = 1", "[columns]\ndate='a'", "[columns]\ndate='a'\nbank_reference='b'", "x = [",
        "[columns]\ndate='a'\nbank_reference='b'\npaid='c'\nreceived='d'\nwrong='e'",
        "encoding='latin'\n[columns]\ndate='a'\nbank_reference='b'\npaid='c'\nreceived='d'",
        "[columns]\ndate='a'\nbank_reference='b'\npaid='c'\nreceived='d'\nsaid='no list'",
    ],
)  # fmt: skip
def test_a_mapping_that_leaves_something_open_is_refused(text: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        read_mapping(text)
    assert refused.value.code == "MAPPING_INVALID"


def movement(number: int, fen: int, day: int = 1) -> dict[str, Any]:
    """A movement that was booked."""
    return {"instruction": number, "settlement": "s", "reference": f"SB-{number}", "bank_reference": f"B{number}",
            "moved_fen": fen, "day": date(2026, 12, day)}  # fmt: skip


def line(ordinal: int, fen: int, bank: str, ours: str = "", **more: Any) -> dict[str, Any]:
    """A line of a statement."""
    return {
        "statement": 1, "ordinal": ordinal, "booked_on": date(2026, 12, 1), "moved_fen": fen, "bank_reference": bank,
        "reference": ours, "said": "", "counterparty": "", "kind": None, "claim": None, "note": None, **more,
    }  # fmt: skip


def told(found: Reconciled) -> list[tuple[str, int]]:
    """The differences in short."""
    return [(one["kind"], one["fen"]) for one in found.differences]


def compare(movements: list[dict[str, Any]], lines: list[dict[str, Any]], **more: Any) -> Reconciled:
    """What comes of it on the third of December, with statements up to the second."""
    books = Books(movements, more.get("waiting", []), more.get("repaid", []))
    return reconciled(books, lines, TODAY, date(2026, 12, 2))


def test_what_agrees_is_matched_by_the_banks_reference_or_ours() -> None:
    found = compare([movement(1, 100), movement(2, 200)], [line(1, 100, "B1"), line(2, 200, "other", "SB-2")])
    assert (found.matched, told(found)) == (2, [])


@pytest.mark.parametrize(
    ("movements", "lines", "wanted"),
    [
        ([movement(1, 100)], [], [("not_on_statement", 100)]),
        ([movement(1, 100, day=3)], [], []),
        ([], [line(1, 100, "B9", "SB-9")], [("not_booked", 100)]),
        ([], [line(1, 5, "B9")], [("unexplained", 5)]),
        ([], [line(1, 5, "B9", kind="fee")], []),
        ([movement(1, 100)], [line(1, 99, "B1")], [("amount_differs", 99)]),
        ([movement(1, 100)], [line(1, 100, "B1"), line(2, 100, "B1")], [("moved_twice", 100)]),
        ([movement(1, 100), movement(1, -100)], [line(1, 100, "B1")], [("not_on_statement", -100)]),
        ([movement(1, 100), movement(1, -100)], [line(1, 100, "B1"), line(2, -100, "B1")], []),
    ],
)
def test_every_difference_is_told(movements: list[Any], lines: list[Any], wanted: list[Any]) -> None:
    assert told(compare(movements, lines)) == wanted


def test_statements_that_overlap_state_a_line_once() -> None:
    again = line(1, 100, "B1", statement=2)
    found = compare([movement(1, 100)], [line(1, 100, "B1"), again])
    assert (found.matched, found.repeated, told(found)) == (1, 1, [])
    twice = compare([movement(1, 100)], [line(1, 100, "B1"), again, line(2, 100, "B1", statement=2)])
    assert told(twice) == [("moved_twice", 100)]


def test_a_clawback_ends_in_the_line_that_repays_it() -> None:
    repaid = [{"claim": 7, "settlement": "s", "uscc": "u", "amount_fen": 300, "day": date(2026, 12, 1)}]
    assert told(compare([], [], repaid=repaid)) == [("repaid_not_on_statement", -300)]
    part = [line(1, -100, "R1", kind="repaid", claim=7)]
    assert told(compare([], part, repaid=repaid)) == [("repaid_not_on_statement", -200)]
    whole = [*part, line(2, -200, "R2", kind="repaid", claim=7)]
    found = compare([], whole, repaid=repaid)
    assert (found.explained, told(found)) == (2, [])


async def test_a_settlement_ends_in_the_statement_over_http(paying: Paying, tmp_path: Path) -> None:
    gateway = HttpGateway(InProcessBank(Behaviour(Journal.at(tmp_path / "journal"), ["ok"])))
    due = await instructions(paying)
    await released(paying, [one["id"] for one in due[:17]])
    await a_pass(paying, gateway)
    day = str(await paying.owner.fetchval("select suanbu_today()"))
    rows = [
        f"{day},{plain_yuan(one['amount_fen'])},,{own_reference(one['reference'])},x,62220001,补助" for one in due[1:17]
    ]
    text = (HEADS + "\n".join([*rows, f"{day},0.50,,F1,银行,,手续费"]) + "\n").encode()
    payer = paying.people.payer
    headers = {"Authorization": f"Bearer {payer.key}", "Content-Type": "text/csv"}
    made = await paying.door.client.post("/v1/bank-statements?name=d.csv", content=text, headers=headers)
    assert made.status_code == 201, made.text
    assert (made.json()["lines"], made.json()["skipped"]) == (17, 0)
    again = await paying.door.client.post("/v1/bank-statements?name=e.csv", content=text, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "ALREADY_IMPORTED")
    found = good(await payer.get("/payout-reconciliation"))
    assert (found["matched"], found["covered_to"]) == (16, day)
    assert [(one["kind"], one["fen"], one["instruction"]) for one in found["differences"]] == [
        ("not_on_statement", due[0]["amount_fen"], due[0]["id"]), ("unexplained", 50, None),
    ]  # fmt: skip
    [sums] = found["settlements"]
    assert (sums["payments"], sums["done"]) == (18, 17)
    assert sums["due_fen"] == sums["paid_fen"] + sums["offset_fen"] + sums["open_fen"]
    said = {"kind": "fee", "note": "手续费"}
    good(await post(payer, f"/bank-statements/{made.json()['id']}/lines/17/explain", said))
    after = good(await payer.get("/payout-reconciliation", settlement=paying.settlement))
    assert (after["explained"], [one["kind"] for one in after["differences"]]) == (1, ["not_on_statement"])
    wrong = await post(payer, f"/bank-statements/{made.json()['id']}/lines/1/explain", {**said, "kind": "repaid"})
    assert wrong.status_code == 400
    repaid = {"kind": "repaid", "claim": 999, "note": "x"}
    assert (await post(payer, f"/bank-statements/{made.json()['id']}/lines/1/explain", repaid)).status_code == 409


async def test_the_payment_list_of_a_released_run_is_handed_out_and_noted(paying: Paying) -> None:
    run = await released(paying)
    headers = {"Authorization": f"Bearer {paying.people.payer.key}"}
    found = {}
    for kind in ("csv", "xlsx"):
        answer = await paying.door.client.get(f"/v1/payout-runs/{run['id']}/list.{kind}", headers=headers)
        assert answer.status_code == 200, answer.text
        found[kind] = answer.content
    rows = list(csv.reader(io.StringIO(found["csv"].decode("utf-8-sig"))))
    due = await instructions(paying)
    assert [row[6] for row in rows[1:-1]] == [one["reference"] for one in due]
    assert rows[1][4].startswith("6222"), "accounts stand in it in plain"
    assert rows[-1][:2] == ["合计", "18 笔"]
    assert rows[-1][5] == plain_yuan(run["sum_fen"])
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(found["xlsx"]))
    sheet = book.get_sheet_by_name("支付清单").to_python()
    assert sheet[6][4] == rows[1][4]
    assert fen_of_written_yuan(repr(sheet[-3][5])) == run["sum_fen"]
    logged = await paying.owner.fetch(
        "select actor, detail from audit where action = 'payment_list.export' order by seq"
    )
    assert [row["actor"] for row in logged] == [f"key:{paying.people.payer.name}"] * 2
    other = {"Authorization": f"Bearer {paying.people.approver.key}"}
    path = f"/v1/payout-runs/{run['id']}/list.csv"
    assert (await paying.door.client.get(path, headers=other)).status_code == 403
