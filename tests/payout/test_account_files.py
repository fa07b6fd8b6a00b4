"""Accounts from a file: a registrar proposes, an approver approves, and what lost digits is refused."""

from __future__ import annotations

import io

import pytest
import xlsxwriter

from settlement.errors import NotAllowed
from settlement.payout.account_file import HEADS, read_accounts
from tests.payout.conftest import Paying
from tests.payout.test_desk import at

HERE = "/console/registry/accounts"


def a_csv(*rows: tuple[str, ...], heads: tuple[str, ...] = HEADS, encoding: str = "utf-8-sig") -> bytes:
    """Write a file as a spreadsheet program does."""
    return "\r\n".join(",".join(row) for row in (heads, *rows)).encode(encoding)


def a_workbook(*rows: tuple[object, ...]) -> bytes:
    """Write a workbook with a title above its heads."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet()
    for number, row in enumerate((("收款账户",), HEADS, *rows)):
        sheet.write_row(number, 0, row)
    book.close()
    return out.getvalue()


async def test_a_registrar_proposes_and_an_approver_approves_all(paying: Paying) -> None:
    registrar, approver = await at(paying, "sun", "registrar"), await at(paying, "li", "approver")
    known = await paying.owner.fetch("""select p.uscc, max(f.name) as name from entity_fact f
        join party p on p.id = f.party group by p.uscc order by p.uscc limit 3""")
    rows = [(one["uscc"], one["name"], "示例银行芜湖分行", f"6217 0000 0000 000{n}") for n, one in enumerate(known)]
    rows[2] = (rows[2][0], "别的名字", *rows[2][2:])
    raw = a_csv(*rows)
    sent = await registrar.upload(HERE, "账户.csv", raw)
    assert "3 个账户，其中 3 个是新登记的" in sent.text, sent.text
    assert "其中 0 个是新登记的" in (await registrar.upload(HERE, "again.csv", raw)).text, (
        "the same file changes nothing"
    )
    waiting = await paying.owner.fetch(
        "select p.uscc, a.actor, a.masked from account_proposal a join party p on p.id = a.party where a.batch is null"
    )
    assert {(one["uscc"], one["actor"]) for one in waiting} == {(row[0], "person:sun") for row in rows}
    assert all(one["masked"].startswith("示例银行芜湖分行 ****") for one in waiting)
    listed = await approver.page("/console/accounts?status=proposed")
    assert "批准这 2 个账户</button>" in listed, "a holder of another name is looked at alone"
    numbers = listed.split('name="numbers" value="')[1].split('"')[0]
    assert (await registrar.send("/console/accounts/approve", numbers=numbers)).status_code in (403, 404)
    done = await approver.send("/console/accounts/approve", numbers=numbers)
    assert "已批准 2 个账户" in done.text, done.text
    again = await approver.send("/console/accounts/approve", numbers=numbers)
    assert (again.status_code, "已批准 0 个账户" in again.text) == (400, True)
    in_force = await paying.owner.fetch(
        "select a.masked from account_proposal a where a.id = any (select account_on(x, suanbu_today()) "
        "from unnest($1::text[]) x)", [row[0] for row in rows[:2]],
    )  # fmt: skip
    assert len(in_force) == 2
    assert all("芜湖" in one["masked"] for one in in_force)


async def test_nothing_of_a_file_is_proposed_where_a_row_is_refused(paying: Paying) -> None:
    registrar, finance = await at(paying, "sun", "registrar"), await at(paying, "wang", "finance")
    [known] = await paying.owner.fetch(
        "select p.uscc, f.name from entity_fact f join party p on p.id = f.party limit 1"
    )
    good = (known["uscc"], known["name"], "示例银行", "62220000")
    refused = await registrar.upload(HERE, "a.csv", a_csv(good, ("91340100MA0000099X", "谁", "示例银行", "62220001")))
    assert (refused.status_code, "第 3 行" in refused.text) == (409, True), refused.text
    assert (await finance.upload(HERE, "a.csv", a_csv(good))).status_code == 403
    assert await paying.owner.fetchval("select count(*) from account_proposal where batch is null") == 0
    form = await registrar.get(f"{HERE}/missing.csv")
    assert form.content.decode("utf-8-sig").startswith('"统一社会信用代码","户名","开户银行","账号"')


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (a_csv(("1", "甲", "银行", "6.22202E+18")), "row 2: the account is no text"),
        (a_csv(("1", "甲", "银行", "")), "row 2: 账号 is empty"),
        (a_csv(("1", "甲", "银行", "62220000"), ("1", "甲", "银行", "62220001")), "named twice"),
        (a_csv(("1", "甲", "银行"), heads=("统一社会信用代码", "户名", "账号")), "none of its first rows"),
        (a_csv(), "it has 0 accounts"),
        (a_workbook(("1", "甲", "银行", 6222000000000001)), "row 3: a cell is a number"),
        (b"\xff\xfe\x00", "neither UTF-8 nor GB18030"),
        (b"PK\x03\x04nonsense", "no workbook"),
    ],
)
def test_a_file_that_lost_something_is_refused_with_its_row(raw: bytes, why: str) -> None:
    with pytest.raises(NotAllowed, match=why) as refused:
        read_accounts(raw)
    assert refused.value.code == "ACCOUNTS_NOT_UNDERSTOOD"


def test_files_are_read_as_spreadsheet_programs_write_them() -> None:
    row = ("913401000000000001", "甲公司", "示例银行", "6222 0000-0001")
    beside = ("序号", *HEADS[::-1])
    raw = a_csv(("1", *row[::-1]), heads=beside, encoding="gb18030")
    for found in (read_accounts(raw), read_accounts(a_workbook(row)), read_accounts(a_csv((row[0] + "\t", *row[1:])))):
        [one] = found
        assert (one.uscc, one.account) == (
            row[0], {"bank": "示例银行", "account": "62220000-0001", "holder": "甲公司"},
        )  # fmt: skip
