"""The payer's desk in the console: a run is released, files go out and come in, statements are compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from api.console.sessions import SESSION_COOKIE, session_form_token
from settlement.numbers.yuan import plain_yuan
from settlement.payout.batch_files import BatchFiles
from settlement.payout.batch_format import PAYMENT_COLUMNS, PAYMENTS, answer_file, read_rows
from settlement.payout.folder import Folder
from settlement.payout.gateways import BatchGateway
from tests.payout.conftest import Paying
from tests.payout.files import events, instructions, refusals
from tests.payout.released import a_pass, made
from tests.support.api_client import good
from tests.support.people import session_of
from tests.support.worlds import post

HERE = "/console/payout-runs"


class At:
    """Somebody at the desk, logged in."""

    def __init__(self, client: httpx.AsyncClient, session: str) -> None:
        self._client = client
        self._cookies = {"Cookie": f"{SESSION_COOKIE}={session}"}
        self._token = {"token": session_form_token(session)}

    async def get(self, path: str) -> httpx.Response:
        """A page, or a file."""
        return await self._client.get(path, headers=self._cookies)

    async def page(self, path: str) -> str:
        """A page that must be there."""
        answer = await self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def send(self, path: str, **given: str) -> httpx.Response:
        """A form."""
        return await self._client.post(path, data={**self._token, **given}, headers=self._cookies)

    async def upload(self, path: str, name: str, raw: bytes, **given: str) -> httpx.Response:
        """A form with a file."""
        files = {"file": (name, raw, "text/csv")}
        return await self._client.post(path, data={**self._token, **given}, files=files, headers=self._cookies)


async def at(paying: Paying, name: str, role: str) -> At:
    """Somebody of this role, at the desk."""
    return At(paying.door.client, await session_of(paying.door, name, role))


async def test_from_the_proposal_to_the_statement(paying: Paying, tmp_path: Path) -> None:
    payer, approver = await at(paying, "zhao", "payer"), await at(paying, "li", "approver")
    assert "<strong>18</strong> 笔支付可以提出发放批次" in await payer.page("/console/overview")
    desk = await payer.page(HERE)
    assert "已付 0 / 18 笔" in desk
    assert "提出发放批次</button>" in desk
    assert "提出发放批次</button>" not in await approver.page(HERE)
    made = await payer.send(HERE, settlement=paying.settlement)
    assert made.status_code == 303, made.text
    run = made.headers["location"]
    desk = await payer.page(HERE)
    assert ("都已列入批次" in desk, "提出发放批次</button>" in desk) == (True, False)
    assert "可以提出发放批次" not in await payer.page("/console/overview")
    assert "<strong>1</strong> 个发放批次待批准" in await approver.page("/console/overview")
    shown = await payer.page(run)
    assert "批准发放</button>" not in shown
    assert (await payer.get(f"{run}/list.csv")).status_code == 404, "nothing is handed out before the release"
    assert "****" in shown
    assert "6222" not in shown
    assert (await payer.send(f"{run}/approve")).status_code == 403
    released = await approver.send(f"{run}/approve", note="已核对")
    assert released.status_code == 303, released.text
    assert "已核对" in await approver.page(run)
    gateway = BatchGateway(BatchFiles(Folder(tmp_path / "bank")))
    await a_pass(paying, gateway)
    due = await instructions(paying)
    assert due[0]["handed_over_as"] in await payer.page(HERE)
    listed = await payer.get(f"{run}/list.csv")
    assert (listed.status_code, "6222" in listed.text) == (200, True)
    assert (await approver.get(f"{run}/list.csv")).status_code == 403
    rows = [(one["reference"], "paid", one["amount_fen"], f"B{one['id']}", "") for one in due[:17]]
    bad = await payer.upload(f"{HERE}/answers", "r.csv", b"nonsense", encoding="utf-8")
    assert (bad.status_code, "未入账任何内容" in bad.text) == (400, True)
    raw = answer_file("r", "", rows, encoding="gb18030")
    booked = await payer.upload(f"{HERE}/answers", "r.csv", raw, encoding="gb18030")
    assert "17 笔有变化，0 笔没有入账" in booked.text
    auditor = await at(paying, "qian", "auditor")
    settlement = await auditor.page(f"/console/settlements/{paying.settlement}")
    assert "已付 17 / 18 笔" in settlement
    day = str(await paying.owner.fetchval("select suanbu_today()"))
    heads = "交易日期,借方金额,贷方金额,交易流水号,对方户名,对方账号,摘要\n"
    lines = [f"{day},{plain_yuan(one['amount_fen'])},,B{one['id']},x,1,补助" for one in due[:16]]
    text = (heads + "\n".join([*lines, f"{day},0.50,,F1,银行,,手续费"]) + "\n").encode()
    taken = await payer.upload("/console/reconciliation", "11月.csv", text, mapping="standard")
    assert taken.status_code == 303, taken.text
    page = await payer.page("/console/reconciliation")
    for words in ("16 笔相符", "3 项差异", "已入账，对账单上没有", "无法对应的流水", "在途，等银行结果", "11月.csv"):
        assert words in page, words
    assert (await payer.send("/console/reconciliation/1/17", kind="fee", note="手续费")).status_code == 303
    assert "1 笔有说明，2 项差异" in await payer.page("/console/reconciliation")
    again = await payer.upload("/console/reconciliation", "again.csv", text, mapping="standard")
    assert "已经导入过" in again.text


async def test_a_receipt_is_typed_in_with_proof(paying: Paying, tmp_path: Path) -> None:
    payer, approver = await at(paying, "zhao", "payer"), await at(paying, "li", "approver")
    run = (await payer.send(HERE, settlement=paying.settlement)).headers["location"]
    await approver.send(f"{run}/approve")
    await a_pass(paying, BatchGateway(BatchFiles(Folder(tmp_path / "bank"))), limit=2)
    first, second, third = (await instructions(paying))[:3]
    path = f"/console/payouts/{first['id']}/mark"
    assert "登记结果</button>" in await payer.page(path)
    assert "登记结果</button>" not in await payer.page(f"/console/payouts/{third['id']}/mark")
    assert "登记结果</button>" not in await approver.page(path)
    fen = plain_yuan(first["amount_fen"])
    assert (await payer.send(path, outcome="paid", bank_reference="B1")).status_code == 400
    assert "请填写银行参考号" in (await payer.send(path, outcome="paid", amount=fen)).text
    done = await payer.send(path, outcome="paid", amount=fen, bank_reference=" B1 ", note="回单")
    assert done.status_code == 303, done.text
    last = (await events(paying, first["id"]))[-1]
    assert (last["after"], last["bank_reference"], last["actor"]) == ("paid", "B1", "person:zhao")
    other = f"/console/payouts/{second['id']}/mark"
    wrong = await payer.send(other, outcome="paid", amount="0.01", bank_reference="B2")
    assert "发放批次已停止" in wrong.text
    assert "已停止" in await payer.page(run)
    assert (await approver.send(path, outcome="returned", amount=fen, bank_reference="B1")).status_code == 403


async def test_a_file_for_the_bank_is_taken_by_hand(paying: Paying, tmp_path: Path) -> None:
    payer, approver = await at(paying, "zhao", "payer"), await at(paying, "li", "approver")
    run = (await payer.send(HERE, settlement=paying.settlement)).headers["location"]
    assert "生成银行文件</button>" not in await payer.page(run)
    early = await payer.send(f"{run}/file", encoding="gb18030")
    assert early.status_code == 409, "nothing before the release"
    assert "没有等待送出的支付指令" in early.text, early.text
    await approver.send(f"{run}/approve")
    assert "生成银行文件</button>" in await payer.page(run)
    assert (await approver.send(f"{run}/file", encoding="utf-8")).status_code == 403
    made = await payer.send(f"{run}/file", encoding="gb18030")
    assert made.status_code == 303, made.text
    due = await instructions(paying)
    assert {one["status"] for one in due} == {"handed_over"}
    path = f"{HERE}/files/{due[0]['handed_over_as']}"
    assert path in await payer.page(run)
    found = [await payer.get(path) for _ in range(2)]
    assert found[0].content == found[1].content
    rows = read_rows(found[0].content, PAYMENTS, PAYMENT_COLUMNS, encoding="gb18030")
    assert [one["reference"] for one in rows] == [one["reference"] for one in due]
    noted = await paying.owner.fetch("select detail, actor from audit where action = 'payment_list.export'")
    assert all(due[0]["handed_over_as"] in str(one["detail"]) for one in noted)
    assert [one["actor"] for one in noted] == ["person:zhao"] * 2
    assert (await payer.send(f"{run}/file", encoding="utf-8")).status_code == 409, "nothing is left"
    assert (await approver.get(path)).status_code == 403
    assert (await payer.get(f"{HERE}/files/SBPAY-x.csv")).status_code == 404
    await a_pass(paying, BatchGateway(BatchFiles(Folder(tmp_path / "bank"))))
    assert not list((tmp_path / "bank" / "out").glob("*.csv")), "the job does not send it a second time"
    rest = [(one["reference"], "paid", one["amount_fen"], f"B{one['id']}", "") for one in due]
    raw = answer_file("r", "", rest, encoding="utf-8")
    assert "18 笔有变化，0 笔没有入账" in (await payer.upload(f"{HERE}/answers", "r.csv", raw, encoding="utf-8")).text


@pytest.mark.parametrize("path", [HERE, "/console/reconciliation"])
async def test_the_desk_is_for_who_reads_payments_of_the_province(paying: Paying, path: str) -> None:
    found: dict[str, Any] = {}
    for role in ("payer", "approver", "finance", "auditor", "operator", "reviewer"):
        found[role] = (await (await at(paying, f"a-{role}", role)).get(path)).status_code
    assert found == {"payer": 200, "approver": 200, "finance": 200, "auditor": 200, "operator": 403, "reviewer": 403}
    stranger = At(paying.door.client, "nobody")
    assert (await stranger.get(path)).status_code == 303


async def test_a_limit_is_proposed_by_one_and_confirmed_by_another(paying: Paying) -> None:
    payer, approver = await at(paying, "zhao", "payer"), await at(paying, "li", "approver")
    rules = "/console/payout-rules"
    assert "没有设定限额" in await payer.page(rules)
    for bad in ("0", "一万", "1.234", "-5"):
        answer = await payer.send(rules, run_limit=bad, payee_limit="")
        assert (answer.status_code, "大于 0 的金额" in answer.text) == (400, True), bad
    made = await payer.send(rules, run_limit="1,000.50", payee_limit="", leases="all", note="授权")
    assert made.status_code == 303, made.text
    assert "确认生效</button>" not in await payer.page(rules)
    assert (await payer.send(f"{rules}/1/confirm")).status_code == 403
    waiting = await approver.page(rules)
    assert "确认生效</button>" in waiting
    assert "单批 1,000.50 元，单户 不限；任何支付程序都须先有批准的批次" in waiting
    assert (await approver.send(f"{rules}/1/confirm")).status_code == 303
    assert "单批 1,000.50 元" in await payer.page(HERE)
    refused = await payer.send(HERE, settlement=paying.settlement)
    assert (refused.status_code, "超过两人确认的发放限额" in refused.text) == (409, True)
    again = await approver.send(f"{rules}/1/confirm")
    assert "已经确认过" in again.text
    own = await approver.send(rules, run_limit="9,999,999", payee_limit="5000000")
    assert own.status_code == 303, own.text
    assert "您提出的限额须由另一人确认" in (await approver.send(f"{rules}/3/confirm")).text
    auditor = await at(paying, "qian", "auditor")
    assert "提出</button>" not in await auditor.page(rules)
    assert (await auditor.send(rules, run_limit="1")).status_code == 403


async def test_what_is_above_the_limits_is_proposed_in_parts(paying: Paying) -> None:
    payer = await at(paying, "zhao", "payer")
    due = await instructions(paying)
    amounts = sorted(one["amount_fen"] for one in due)
    largest = amounts[-1]
    below = [one["id"] for one in due if one["amount_fen"] < largest]
    said = {"run_limit_fen": sum(amounts) // 3, "payee_limit_fen": largest - 1}
    rule = await made(paying.people.payer, "/payout-rules", said)
    good(await post(paying.people.approver, f"/payout-rules/{rule['id']}/confirm"))
    held: list[int] = []
    assert '<input type="hidden" name="in_parts" value="yes">' in await payer.page(HERE)
    part = {"settlement": paying.settlement, "in_parts": "yes"}
    while (answer := await payer.send(HERE, **part)).status_code == 303:
        run = answer.headers["location"].rpartition("/")[2]
        shown = (await paying.people.payer.get(f"/payout-runs/{run}")).json()
        assert shown["sum_fen"] <= said["run_limit_fen"]
        held += [one["instruction"] for one in await paying.people.payer.items(f"/payout-runs/{run}/items")]
    assert held == below, "each once, in order, and none of those above what a payee may come to"
    assert (answer.status_code, "超过两人确认的发放限额" in answer.text) == (409, True)


async def test_a_receipt_about_a_replaced_issue_is_typed_in_as_that(paying: Paying, tmp_path: Path) -> None:
    payer, approver = await at(paying, "zhao", "payer"), await at(paying, "li", "approver")
    run = (await payer.send(HERE, settlement=paying.settlement)).headers["location"]
    await approver.send(f"{run}/approve")
    await a_pass(paying, BatchGateway(BatchFiles(Folder(tmp_path / "bank"))), limit=1)
    first = (await instructions(paying))[0]
    path, fen = f"/console/payouts/{first['id']}", plain_yuan(first["amount_fen"])
    assert "已被替换" not in await payer.page(f"{path}/mark")
    assert (await payer.send(f"{path}/mark", outcome="failed", note="拒付")).status_code == 303
    assert (await approver.send(f"{path}/retry")).status_code == 303
    assert "已被替换" in await payer.page(f"{path}/mark")
    said = {"outcome": "paid", "amount": fen, "bank_reference": "B1", "issue": first["reference"]}
    late = await payer.send(f"{path}/mark", **said)
    assert (late.status_code, "已被替换的一笔" in late.text) == (409, True)
    last = (await events(paying, first["id"]))[-1]
    assert (last["after"], last["reference"], last["moved_fen"]) == (
        "disputed",
        first["reference"],
        first["amount_fen"],
    )


async def test_a_return_file_that_is_refused_is_shown_and_counted(paying: Paying) -> None:
    payer = await at(paying, "zhao", "payer")
    bad = await payer.upload(f"{HERE}/answers", "坏.csv", b"nonsense", encoding="utf-8")
    assert bad.status_code == 400
    assert "坏.csv" in await payer.page(HERE)
    [kept] = await refusals(paying)
    assert (kept["code"], kept["file"]) == ("ANSWER_NOT_UNDERSTOOD", "坏.csv")


async def test_a_statement_in_the_form_of_some_bank_brings_its_mapping_along(paying: Paying) -> None:
    payer = await at(paying, "zhao", "payer")
    own = 'encoding = "gb18030"\ndate_format = "%Y%m%d"\n[columns]\ndate = "记账日"\npaid = "借"\nreceived = "贷"\n'
    own += 'bank_reference = "流水"\nsaid = ["附言"]\n'
    raw = "记账日,借,贷,流水,附言\n20261130,,12.00,X1,利息\n".encode("gb18030")
    bad = await payer.upload("/console/reconciliation", "b.csv", raw, mapping="standard", own="columns = 7")
    assert (bad.status_code, "格式定义没有读懂" in bad.text) == (400, True)
    assert (await payer.upload("/console/reconciliation", "b.csv", raw, mapping="standard")).status_code == 400
    taken = await payer.upload("/console/reconciliation", "b.csv", raw, mapping="standard", own=own)
    assert taken.status_code == 303, taken.text
    assert "b.csv" in await payer.page("/console/reconciliation")
