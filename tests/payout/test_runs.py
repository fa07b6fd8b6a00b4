"""Payout runs: our own job pays what two people released, within the limits, and stops where an amount is wrong."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from settlement.payout.gateways import HttpGateway
from tests.bank.behaviour import Behaviour
from tests.bank.in_process import InProcessBank
from tests.bank.journal import Journal
from tests.payout.conftest import Paying
from tests.payout.files import instructions
from tests.payout.released import a_pass, made, proposed, released
from tests.support.api_client import good, problem
from tests.support.worlds import post


def bank_at(folder: Path, *ways: str) -> Behaviour:
    """A bank that treats every payment in one of these ways."""
    return Behaviour(Journal.at(folder / "journal"), ways or ("ok",))


async def test_nothing_goes_out_before_another_hand_released_it(paying: Paying, tmp_path: Path) -> None:
    mind = bank_at(tmp_path)
    gateway = HttpGateway(InProcessBank(mind))
    assert await a_pass(paying, gateway) == []
    run = await proposed(paying)
    due = await instructions(paying)
    assert (run["status"], run["instructions"]) == ("proposed", 18)
    assert run["sum_fen"] == sum(one["amount_fen"] for one in due)
    assert await a_pass(paying, gateway) == []
    path = f"/payout-runs/{run['id']}"
    assert problem(await post(paying.people.payer, f"{path}/approve")) == (403, "scope_missing")
    both = await paying.door.holder("payout:run", "settlement:approve", "payout:read")
    other = {"digest": "sha256:" + "0" * 64}
    assert problem(await post(paying.people.approver, f"{path}/approve", other)) == (409, "DIGEST_CHANGED")
    items = await both.items(f"{path}/items")
    assert [one["account_masked"][-4:] for one in items] == [one["account_masked"][-4:] for one in due]
    assert {one["amount_fen"] for one in items} == {one["amount_fen"] for one in due}
    good(await post(paying.people.approver, f"{path}/approve", {"digest": run["digest"]}))
    done = await a_pass(paying, gateway)
    assert {one["status"] for one in done} == {"paid"}
    assert mind.journal.balance() == {
        "B" + one["reference"].removeprefix("SB-"): one["amount_fen"] for one in due
    }  # fmt: skip
    after = good(await both.get(path))
    assert (after["paid"], after["changed"], after["events"][0]["actor"]) == (
        18, 0, f"key:{paying.people.approver.name}",
    )  # fmt: skip
    assert problem(await post(paying.people.payer, "/payout-runs", {"settlement": paying.settlement})) == (
        409, "NOTHING_READY",
    )  # fmt: skip


async def test_whoever_proposed_a_run_does_not_release_it(paying: Paying) -> None:
    both = await paying.door.holder("payout:run", "settlement:approve")
    run = await made(both, "/payout-runs", {"settlement": paying.settlement})
    assert problem(await post(both, f"/payout-runs/{run['id']}/approve")) == (403, "SAME_PERSON")
    good(await post(both, f"/payout-runs/{run['id']}/reject"))
    assert problem(await post(paying.people.approver, f"/payout-runs/{run['id']}/approve")) == (
        409, "STATE_NOT_ALLOWED",
    )  # fmt: skip
    again = await proposed(paying)
    assert again["instructions"] == run["instructions"], "what was rejected is free for another run"


async def test_what_changed_since_it_was_proposed_is_not_released(paying: Paying) -> None:
    run = await proposed(paying)
    one = good(await post(paying.people.payer, "/payouts/claim", {"limit": 1, "worker": "outside"}))["items"][0]
    good(await post(paying.people.payer, f"/payouts/{one['id']}/failed", {"fence": one["fence"]}))
    answer = await post(paying.people.approver, f"/payout-runs/{run['id']}/approve")
    assert problem(answer) == (409, "RUN_CHANGED")


async def test_a_run_stays_within_the_limits_that_two_people_set(paying: Paying) -> None:
    due = await instructions(paying)
    limits = {"run_limit_fen": due[0]["amount_fen"] * 2, "payee_limit_fen": due[0]["amount_fen"]}
    rule = await made(paying.people.payer, "/payout-rules", limits)
    assert (rule["in_force"], rule["leases"]) == (False, "own")
    good(await post(paying.people.approver, f"/payout-rules/{rule['id']}/confirm"))
    again = await post(paying.people.approver, f"/payout-rules/{rule['id']}/confirm")
    assert problem(again) == (409, "ALREADY_DECIDED")
    said = {"settlement": paying.settlement}
    assert problem(await post(paying.people.payer, "/payout-runs", said)) == (409, "ABOVE_LIMIT")
    two = await proposed(paying, [one["id"] for one in due[:2]])
    lower = await made(paying.people.payer, "/payout-rules", {"payee_limit_fen": due[0]["amount_fen"] - 1})
    good(await post(paying.people.approver, f"/payout-rules/{lower['id']}/confirm"))
    answer = await post(paying.people.approver, f"/payout-runs/{two['id']}/approve")
    assert problem(answer) == (409, "ABOVE_LIMIT")
    both = await paying.door.holder("payout:run", "settlement:approve")
    own = await made(both, "/payout-rules", {})
    assert problem(await post(both, f"/payout-rules/{own['id']}/confirm")) == (403, "SAME_PERSON")


async def test_an_outside_job_leases_what_is_locked_until_a_rule_asks_for_releases(paying: Paying) -> None:
    claim = {"limit": 3, "worker": "outside"}
    assert len(good(await post(paying.people.payer, "/payouts/claim", claim))["items"]) == 3
    rule = await made(paying.people.payer, "/payout-rules", {"leases": "all"})
    good(await post(paying.people.approver, f"/payout-rules/{rule['id']}/confirm"))
    assert good(await post(paying.people.payer, "/payouts/claim", claim))["items"] == []
    ready = [one["id"] for one in await instructions(paying) if one["status"] == "ready"]
    await released(paying, ready[:2])
    leased = good(await post(paying.people.payer, "/payouts/claim", claim))["items"]
    assert [one["id"] for one in leased] == ready[:2]


async def test_another_amount_stops_the_run_until_it_is_released_again(paying: Paying, tmp_path: Path) -> None:
    mind = bank_at(tmp_path, "wrong amount")
    gateway = HttpGateway(InProcessBank(mind))
    run = await released(paying)
    done = await a_pass(paying, gateway)
    assert [one["status"] for one in done] == ["WRONG_AMOUNT"]
    path = f"/payout-runs/{run['id']}"
    stopped = good(await paying.people.payer.get(path))
    assert (stopped["status"], stopped["events"][-1]["event"]) == ("stopped", "stop")
    assert await a_pass(paying, gateway, hours=30) != [], "what may be with the bank is asked about"
    assert len(mind.journal.payments) == 1, "and nothing more goes out"
    mind.healed = True
    good(await post(paying.people.approver, f"{path}/approve"))
    for hours in (60, 90):
        await a_pass(paying, gateway, hours=hours)
    states = [one["status"] for one in await instructions(paying)]
    assert sorted(states) == ["disputed"] + ["paid"] * 17


async def test_a_run_that_was_stopped_by_hand_sends_nothing(paying: Paying, tmp_path: Path) -> None:
    mind = bank_at(tmp_path)
    run = await released(paying)
    path = f"/payout-runs/{run['id']}"
    assert good(await post(paying.people.payer, f"{path}/stop", {"note": "账号有疑"}))["status"] == "stopped"
    assert await a_pass(paying, HttpGateway(InProcessBank(mind))) == []
    second = await paying.door.holder("settlement:approve", "payout:run")
    good(await post(second, f"{path}/approve"))
    good(await post(second, f"{path}/stop"))
    assert problem(await post(second, f"{path}/approve")) == (403, "SAME_PERSON")


@pytest.mark.parametrize(
    "change",
    [
        "update payout_run set sum_fen = 1", "delete from payout_run_item", "update payout_run set actor = 'x'",
        "insert into payout_run_event (run, event, actor, at) values (1, 'approve', 'command line:root', now())",
        "insert into payout_event (instruction, before, after, actor, at, transaction, reference, moved_fen, detail) "
        """values (1, '', 'leased', 'x', now(), 0, '', 0, '{"lease": 60, "gateway": "http"}')""",
    ],
)  # fmt: skip
async def test_a_release_that_nobody_gave_is_refused_by_the_database(paying: Paying, change: str) -> None:
    await proposed(paying)
    with pytest.raises(asyncpg.CheckViolationError):
        await paying.owner.execute(change)
