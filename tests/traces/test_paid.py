"""A settlement of a real trace paid to its end, through a bank that misbehaves, with the job killed in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from settlement.numbers.yuan import plain_yuan
from tests.bank.journal import Journal
from tests.payout.processes import Bank, at_work, job, settings_of
from tests.support.api_client import ApiClient, good
from tests.support.clock import later
from tests.support.postgres import Cluster
from tests.support.province import decide
from tests.support.serving import Served, over_http
from tests.support.worlds import post
from tests.traces.client import build, push

RESTARTS = 2
PASSES = 8
HOURS = 26
WAYS = "ok,accepted but silent,not received,not found until tomorrow,garbage,5xx,duplicate keys"
HEADS = "交易日期,借方金额,贷方金额,交易流水号,对方户名,对方账号,摘要\n"


@pytest_asyncio.fixture
async def door(cluster: Cluster) -> AsyncIterator[ApiClient]:
    """The service as a process over a fresh database."""
    async with cluster.database() as database:
        with Served.on(database) as served:
            async with over_http(served.url, database) as opened:
                yield opened


async def locked_settlement(door: ApiClient, folder: Path) -> str:
    """The trace pushed, settled and locked."""
    registrar, platform = await door.registrar(), await door.platform()
    build("ms_itp_2021", folder, 1645)
    second = await door.holder("settlement:approve", "payout:read", name="second")
    push(folder, str(door.client.base_url), registrar.key, platform.key, second.key)
    clerk = await door.holder("settlement:run", "report:read", name="clerk")
    reviewer = await door.holder("settlement:review", name="reviewer")
    approver = await door.holder("settlement:approve", "report:read", name="approver")
    answer = await post(clerk, "/settlements", {"round": "anhui-2026", "order": {"rate": "0.20"}})
    number: str = answer.json()["id"]
    good(await decide(clerk, number, "submit"))
    good(await decide(reviewer, number, "review", decision="pass"))
    good(await decide(approver, number, "approve"))
    assert good(await decide(approver, number, "lock"))["status"] == "locked"
    return number


@pytest.mark.timeout(1200)
async def test_a_real_trace_is_paid_to_its_end(door: ApiClient, tmp_path: Path) -> None:
    number = await locked_settlement(door, tmp_path / "trace")
    payer = await door.holder("payout:run", "payout:read", name="payer")
    releaser = await door.holder("settlement:approve", "payout:read", name="releaser")
    due = await payer.items("/payouts", settlement=number, limit=1000)
    run = (await post(payer, "/payout-runs", {"settlement": number})).json()
    assert run["instructions"] == len(due) > 30
    good(await post(releaser, f"/payout-runs/{run['id']}/approve", {"digest": run["digest"]}))
    bank = Bank(tmp_path, "http", WAYS)
    owner = await asyncpg.connect(door.url)
    settings = settings_of(tmp_path, bank, "http")
    try:
        for turn in range(RESTARTS + PASSES):
            async with later(owner, hours=HOURS * (turn - RESTARTS - PASSES)):  # the database's clock ends now
                process = job(door.url, settings, f"w{turn}", *(() if turn < RESTARTS else ("--once",)))
                if turn < RESTARTS:
                    await at_work(bank, bank.journal.stat().st_size if bank.journal.exists() else 0)
                    process.kill()
                _, said = await asyncio.to_thread(process.communicate, timeout=300)
                assert turn < RESTARTS or process.returncode == 0, said[-2000:]
                await asyncio.to_thread(bank.control, nights=1, heal=turn >= RESTARTS + 2)
            states = {one["status"] for one in await payer.items("/payouts", settlement=number, limit=1000)}
            if states == {"paid"}:
                break
        assert states == {"paid"}
        journal = Journal.at(bank.journal)
        assert sum(journal.balance().values()) == run["sum_fen"]
        assert {one["reference"]: one["amount_fen"] for one in due} == {
            ours: sum(fen for same, _, fen in journal.movements if same == ours) for ours, _, _ in journal.movements
        }
        assert set(journal.hit) == set(WAYS.split(",")), "a fault that never hit proves nothing"
    finally:
        await owner.close()
        bank.close()
    auditor = await door.holder("report:read", "payout:read", name="auditor")
    assert good(await auditor.get(f"/settlements/{number}"))["status"] == "paid"
    rows = [f"2026-11-30,{plain_yuan(fen)},,{theirs},x,1,补助" for theirs, fen in journal.balance().items()]
    headers = {"Authorization": f"Bearer {payer.key}", "Content-Type": "text/csv"}
    text = (HEADS + "\n".join(rows) + "\n").encode()
    taken = await door.client.post("/v1/bank-statements?name=trace.csv", content=text, headers=headers)
    assert taken.status_code == 201, taken.text
    found = good(await auditor.get("/payout-reconciliation", settlement=number))
    assert (found["matched"], found["differences"]) == (len(due), [])
    [sums] = found["settlements"]
    assert (sums["due_fen"], sums["paid_fen"], sums["open_fen"]) == (run["sum_fen"], run["sum_fen"], 0)
