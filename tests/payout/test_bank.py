"""Paying through a bank that misbehaves: every outcome has a state, and our ledger is the bank's journal to the fen."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from meter.database.connect import driver
from meter.database.scope import PROVINCE, acting
from settlement.payout.worker import follow_up, work
from settlement.store.instructions import ledger, list_instructions
from tests.payout.bank import WAYS, FakeBank
from tests.payout.conftest import Paying
from tests.support.api_client import good, problem
from tests.support.clock import later
from tests.support.worlds import post

BATCH = 100


class Crash(BaseException):
    """The worker dies here: nothing after this runs, not even its error handling."""


def clock() -> datetime:
    return datetime.now(UTC)


async def instructions(paying: Paying) -> list[dict[str, object]]:
    with acting(PROVINCE):
        async with paying.door.engine.connect() as held:
            return await list_instructions(await driver(held), None, paying.settlement, 0, BATCH)


async def balance(paying: Paying) -> dict[str, int]:
    with acting(PROVINCE):
        async with paying.door.engine.connect() as held:
            return await ledger(await driver(held), paying.settlement)


async def one_pass(
    paying: Paying, bank: FakeBank, hours: int, *, limit: int = BATCH, step: Callable[[str], None] = lambda _: None
) -> None:
    """A pass of the worker so many hours from now."""
    async with later(paying.owner, hours=hours):
        with acting(PROVINCE):
            await work(
                paying.door.engine, bank, worker="w", limit=limit, actor="command line", step=step,
                clock=lambda: clock() + timedelta(hours=hours),
            )  # fmt: skip


async def test_every_outcome_has_a_state_and_the_ledgers_agree(paying: Paying) -> None:
    bank = FakeBank(list(WAYS))
    for hours in (0, 1, 2, 30, 31, 60, 61):
        bank.day = hours // 24
        await one_pass(paying, bank, hours)
    assert set(bank.hit) == {*WAYS}, "a way that never happened proves nothing"
    paid = [one for one in await instructions(paying) if one["status"] == "paid"]
    with acting(PROVINCE):
        await follow_up(paying.door.engine, bank, paid, actor="command line", clock=clock)
    for reference in {ours for ours, theirs, _ in bank.journal if theirs.startswith("B2-")}:
        twice = next(one for one in await instructions(paying) if one["reference"] == reference)
        answer = await post(
            paying.people.payer, f"/payouts/{twice['id']}/paid",
            {"bank_reference": f"B2-{reference}", "amount_fen": twice["amount_fen"]},
        )  # fmt: skip
        assert problem(answer) == (409, "OTHER_BANK_REFERENCE")
    states = {way: set[str]() for way in WAYS}
    for number, one in enumerate(await instructions(paying)):
        states[WAYS[number % len(WAYS)]].add(str(one["status"]))
    assert states == {
        "paid": {"paid"}, "refused": {"failed"}, "silent but done": {"paid"}, "silent and not done": {"paid"},
        "paid twice": {"disputed"}, "returned later": {"returned"}, "wrong amount": {"disputed"},
        "known tomorrow": {"paid"}, "error 500": {"paid"}, "garbage": {"paid"}, "working": {"paid"},
    }  # fmt: skip
    ours, theirs = await balance(paying), bank.balance()
    assert {name: fen for name, fen in ours.items() if fen} == {name: fen for name, fen in theirs.items() if fen}


FEW = 3
# where the worker dies: before a step, for the first time that it comes to it or the second, and how much it leased;
# what was never leased goes first, so a lease of few meets new ones only, until there are no more
DEATHS = (
    ("claim", 0, FEW), ("send", 0, FEW), ("mark unknown", 0, FEW), ("mark", 0, FEW), ("send", 1, FEW),
    ("mark unknown", 1, FEW), ("mark", 1, FEW), ("ask", 0, BATCH), ("mark", 0, BATCH), ("send again", 0, BATCH),
    ("ask", 1, BATCH), ("send again", 1, BATCH), ("mark", 1, BATCH),
)  # fmt: skip
REACHED = {
    "paid": {"claim", "send", "mark", "ask", "send again"},
    "silent but done": {"claim", "send", "mark unknown", "mark", "ask"},
    "silent and not done": {"claim", "send", "mark unknown", "mark", "ask", "send again"},
    "refused": {"claim", "send", "mark", "ask"},
}


@pytest.mark.parametrize("way", list(REACHED))
async def test_a_crash_at_every_step_in_turn_pays_once(paying: Paying, way: str) -> None:
    bank = FakeBank([way])
    crashed: set[str] = set()
    hours = 0
    for step, after, limit in DEATHS:
        hours += 30
        bank.day = hours // 24
        with contextlib.suppress(Crash):
            await one_pass(paying, bank, hours, limit=limit, step=_dying(step, after, crashed))
    for _ in range(3):
        hours += 30
        bank.day = hours // 24
        await one_pass(paying, bank, hours)
    assert crashed >= REACHED[way], "a death that never happened proves nothing"
    final = {str(one["status"]) for one in await instructions(paying)}
    assert final == ({"failed"} if way == "refused" else {"paid"})
    per_reference = [ours for ours, _, _ in bank.journal]
    assert len(per_reference) == len(set(per_reference)), "somebody was paid twice"
    assert await balance(paying) == bank.balance()


def _dying(step: str, after: int, crashed: set[str]) -> Callable[[str], None]:
    """A worker's steps, of which one kills it."""
    left = [after]

    def stop(reached: str) -> None:
        if reached == step:
            left[0] -= 1
            if left[0] < 0:
                crashed.add(step)
                raise Crash

    return stop


async def test_a_worker_that_was_overtaken_is_refused(paying: Paying) -> None:
    payer = paying.people.payer
    first = good(await post(payer, "/payouts/claim", {"limit": 1, "worker": "slow"}))["items"][0]
    assert first["ask_first"] is False
    assert good(await post(payer, "/payouts/claim", {"limit": 100, "worker": "fast"}))["items"][0]["id"] != first["id"]
    async with later(paying.owner, minutes=2):
        again = good(await post(payer, "/payouts/claim", {"limit": 1, "worker": "fast"}))["items"][0]
        assert (again["id"], again["reference"]) == (first["id"], first["reference"])
        assert again["ask_first"] is True
        assert again["fence"] > first["fence"]
        path = f"/payouts/{first['id']}"
        for said in ({"fence": first["fence"]}, {}, {"worker": "slow", "fence": again["fence"]}):
            assert problem(await post(payer, f"{path}/failed", said)) == (409, "LEASE_LOST")
        done = good(await post(payer, f"{path}/paid", {"fence": again["fence"], "bank_reference": "B1"}))
    assert done["status"] == "paid"


async def test_two_workers_at_once_share_the_work(paying: Paying) -> None:
    bank = FakeBank(["paid"])
    with acting(PROVINCE):
        await asyncio.gather(
            *(
                work(paying.door.engine, bank, worker=name, limit=5, actor=f"command line:{name}", clock=clock)
                for name in ("a", "b", "a", "b")
            )
        )
    assert len(bank.sent) == len(set(bank.sent)) == 18
    found = await paying.door.client.get(
        f"/v1/settlements/{paying.settlement}", headers={"Authorization": f"Bearer {paying.people.clerk.key}"}
    )
    assert good(found)["status"] == "paid"


async def test_repeating_a_mark_changes_nothing(paying: Paying) -> None:
    payer = paying.people.payer
    one = good(await post(payer, "/payouts/claim", {"limit": 1, "worker": "w"}))["items"][0]
    said = {"bank_reference": "B1", "fence": one["fence"], "amount_fen": one["amount_fen"]}
    for fence in (2**31, -1, 2**62):
        beyond = await post(payer, f"/payouts/{one['id']}/submitted", {**said, "fence": fence})
        assert (beyond.status_code, beyond.json()["code"]) == (400, "out_of_range")
    first = good(await post(payer, f"/payouts/{one['id']}/paid", said))
    assert good(await post(payer, f"/payouts/{one['id']}/paid", said)) == first
    ours = {"reference": one["reference"], "bank_reference": "B1"}
    for short in ({"reference": "B1"}, ours):  # the bank's for short; ours is no news
        assert good(await post(payer, f"/payouts/{one['id']}/paid", short)) == first
    differing = {"reference": "B2", "bank_reference": "B1"}
    assert (await post(payer, f"/payouts/{one['id']}/paid", differing)).status_code == 400
    assert await balance(paying) == {"B1": one["amount_fen"]}
    back = {"bank_reference": "B1", "amount_fen": one["amount_fen"]}
    assert good(await post(payer, f"/payouts/{one['id']}/returned", back))["status"] == "returned"
    assert good(await post(payer, f"/payouts/{one['id']}/returned", back))["status"] == "returned"
    assert await balance(paying) == {"B1": 0}


async def test_what_came_back_is_issued_again_by_somebody_else_under_a_new_reference(paying: Paying) -> None:
    payer, approver = paying.people.payer, paying.people.approver
    one = good(await post(payer, "/payouts/claim", {"limit": 1, "worker": "w"}))["items"][0]
    path = f"/payouts/{one['id']}"
    good(await post(payer, f"{path}/failed", {"fence": one["fence"], "note": "no such account"}))
    assert problem(await post(payer, f"{path}/retry")) == (403, "scope_missing")
    issued = good(await post(approver, f"{path}/retry", {"note": "account corrected"}))
    assert issued["status"] == "ready"
    assert issued["reference"] == f"{one['reference']}-R2"
    both = await paying.door.holder("payout:run", "settlement:approve")
    again = good(await post(both, "/payouts/claim", {"limit": 1, "worker": "w"}))["items"][0]
    good(await post(both, f"{path}/failed", {"fence": again["fence"]}))
    assert problem(await post(both, f"{path}/retry")) == (403, "SAME_PERSON")


async def test_what_is_disputed_is_settled_by_somebody_else_and_only_as_the_money_stands(paying: Paying) -> None:
    payer, approver = paying.people.payer, paying.people.approver
    one = good(await post(payer, "/payouts/claim", {"limit": 1, "worker": "w"}))["items"][0]
    path, due = f"/payouts/{one['id']}", one["amount_fen"]
    answer = await post(payer, f"{path}/paid", {"bank_reference": "B1", "amount_fen": due - 5, "fence": one["fence"]})
    assert problem(answer) == (409, "WRONG_AMOUNT")
    assert problem(await post(approver, f"{path}/settle", {"outcome": "paid"})) == (409, "MONEY_OPEN")
    good(await post(payer, f"{path}/disputed", {"bank_reference": "B2", "amount_fen": 5}))
    assert problem(await post(approver, f"{path}/settle", {"outcome": "returned"})) == (409, "MONEY_OPEN")
    assert good(await post(approver, f"{path}/settle", {"outcome": "paid", "note": "两笔合计"}))["status"] == "paid"
    assert await balance(paying) == {"B1": due - 5, "B2": 5}


async def test_one_reference_of_the_bank_stands_for_one_payment(paying: Paying) -> None:
    payer = paying.people.payer
    first, second = good(await post(payer, "/payouts/claim", {"limit": 2, "worker": "w"}))["items"]
    good(await post(payer, f"/payouts/{first['id']}/paid", {"bank_reference": "B1", "fence": first["fence"]}))
    answer = await post(payer, f"/payouts/{second['id']}/paid", {"bank_reference": "B1", "fence": second["fence"]})
    assert problem(answer) == (409, "OTHER_BANK_REFERENCE")


@pytest.mark.parametrize(
    "change",
    [
        "amount_fen = amount_fen + 1", "amount_fen = amount_fen - 1, offset_fen = offset_fen + 1", "status = 'paid'",
        "reference = reference || '-X'", "account = 'another'", "fence = fence - 1",
    ],
)  # fmt: skip
async def test_an_instruction_changed_by_hand_is_refused_by_the_database(paying: Paying, change: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await paying.owner.execute(f"update payout_instruction set {change}")
