"""What the bank says: under a live lease and its own reference, about any issue, and two people end a dispute."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.payout.conftest import Paying
from tests.payout.files import answer, balance, events, instruction, instructions, run_job
from tests.support.api_client import KeyClient, good, problem
from tests.support.clock import later
from tests.support.worlds import post


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        (None, "BANK_REFERENCE_MISSING"), ("", "BANK_REFERENCE_MISSING"), ("   ", "BANK_REFERENCE_MISSING"),
        ("B" * 65, "BANK_REFERENCE_INVALID"), ("Ｂ1", "BANK_REFERENCE_INVALID"), ("B\n1", "BANK_REFERENCE_INVALID"),
    ],
)  # fmt: skip
async def test_paid_needs_a_reference_of_the_bank(paying: Paying, reference: str | None, code: str) -> None:
    payer = paying.people.payer
    one = good(await post(payer, "/payouts/claim", {"limit": 1, "worker": "w"}))["items"][0]
    said = {"fence": one["fence"]} if reference is None else {"fence": one["fence"], "bank_reference": reference}
    assert problem(await post(payer, f"/payouts/{one['id']}/paid", said)) == (400, code)
    assert (await instruction(paying, one["id"]))["status"] == "leased"
    assert await balance(paying) == {}


async def test_paid_needs_a_live_lease_at_the_right_fence(paying: Paying) -> None:
    payer = paying.people.payer
    one = good(await post(payer, "/payouts/claim", {"limit": 1, "worker": "w"}))["items"][0]
    path, said = f"/payouts/{one['id']}/paid", {"bank_reference": "B1"}
    assert problem(await post(payer, path, said)) == (409, "LEASE_LOST"), "no fence, though there is one lease only"
    assert problem(await post(payer, path, {**said, "fence": one["fence"] + 1})) == (409, "LEASE_LOST")
    assert problem(await post(payer, f"/payouts/{one['id'] + 1}/paid", said)) == (409, "STATE_NOT_ALLOWED")
    async with later(paying.owner, seconds=62):
        assert problem(await post(payer, path, {**said, "fence": one["fence"]})) == (409, "LEASE_LOST"), "it ran out"
    assert good(await post(payer, path, {**said, "fence": one["fence"]}))["status"] == "paid"


async def retried(paying: Paying, folder: Path) -> dict[str, object]:
    """An instruction that failed and was issued again."""
    await run_job(paying, folder)
    one = (await instructions(paying))[0]
    answer(folder, one["reference"], "failed")
    await run_job(paying, folder, seconds=5)
    good(await post(paying.people.approver, f"/payouts/{one['id']}/retry"))
    return one


@pytest.mark.parametrize("second", ["waits", "is with the bank", "was paid"])
async def test_a_late_word_about_the_first_issue_is_kept_and_disputed(
    paying: Paying, tmp_path: Path, second: str
) -> None:
    one = await retried(paying, tmp_path)
    first, again, due = str(one["reference"]), f"{one['reference']}-R2", one["amount_fen"]
    if second != "waits":
        await run_job(paying, tmp_path, seconds=10)
    if second == "was paid":
        answer(tmp_path, again, bank_reference="R2")
        await run_job(paying, tmp_path, seconds=15)
    answer(tmp_path, first, bank_reference="R1")
    done = await run_job(paying, tmp_path, seconds=20)
    assert done[0]["status"] == "disputed: EARLIER_ISSUE"
    event = (await events(paying, int(str(one["id"]))))[-1]
    assert (event["reference"], event["bank_reference"], event["moved_fen"]) == (first, "R1", due)
    assert (await balance(paying))["R1"] == due
    await run_job(paying, tmp_path, seconds=200)
    sent = (tmp_path / "out" / f"{again}.json").exists()
    assert sent == (second != "waits"), "what is disputed does not go out"
    await end_of(paying, tmp_path, one, second)


async def end_of(paying: Paying, folder: Path, one: dict[str, object], second: str) -> None:
    """The dispute ends as the money stands, and by two people."""
    path, due = f"/payouts/{one['id']}/settle", one["amount_fen"]
    people = (paying.people.approver, await another_approver(paying))
    if second == "is with the bank":
        assert problem(await post(people[0], path, {"outcome": "paid"})) == (409, "ISSUE_OPEN")
        answer(folder, f"{one['reference']}-R2", "failed", bank_reference="R2")
        await run_job(paying, folder, seconds=300)
    if second == "was paid":
        assert problem(await post(people[0], path, {"outcome": "paid"})) == (409, "MONEY_OPEN"), "paid twice"
        answer(folder, str(one["reference"]), "returned", bank_reference="R1")
        await run_job(paying, folder, seconds=300)
        assert await balance(paying) == {"R1": 0, "R2": due}
    proposal = good(await post(people[0], path, {"outcome": "paid"}))
    assert (proposal["status"], proposal["proposed"]) == ("disputed", "paid")
    assert problem(await post(people[0], path, {"outcome": "paid"})) == (403, "SAME_PERSON")
    assert good(await post(people[1], path, {"outcome": "paid"}))["status"] == "paid"


async def another_approver(paying: Paying) -> KeyClient:
    """A second person who may decide."""
    return await paying.door.holder("settlement:approve")


async def test_a_late_word_over_the_api_names_its_issue(paying: Paying, tmp_path: Path) -> None:
    one = await retried(paying, tmp_path)
    said = {"reference": one["reference"], "bank_reference": "R1", "amount_fen": one["amount_fen"]}
    path = f"/payouts/{one['id']}/paid"
    assert problem(await post(paying.people.payer, path, said)) == (409, "EARLIER_ISSUE")
    assert (await instruction(paying, int(str(one["id"]))))["status"] == "disputed"
    assert good(await post(paying.people.payer, path, said))["status"] == "disputed", "a repetition is no news"
    other = {**said, "reference": "SB-of-nobody"}
    assert problem(await post(paying.people.payer, path, other)) == (404, "NO_SUCH_ISSUE")


async def test_an_outcome_that_changes_is_disputed(paying: Paying, tmp_path: Path) -> None:
    await run_job(paying, tmp_path)
    paid, failed, wrong = (await instructions(paying))[:3]
    answer(tmp_path, paid["reference"])
    answer(tmp_path, failed["reference"], "failed")
    answer(tmp_path, wrong["reference"], amount_fen=wrong["amount_fen"] - 1)
    await run_job(paying, tmp_path, seconds=5)
    answer(tmp_path, paid["reference"], "failed")
    answer(tmp_path, failed["reference"], "paid")
    await run_job(paying, tmp_path, seconds=10)
    found = await instructions(paying)
    assert [one["status"] for one in found[:3]] == ["disputed"] * 3
    assert sorted((await balance(paying)).values()) == [
        wrong["amount_fen"] - 1, paid["amount_fen"], failed["amount_fen"],
    ]  # fmt: skip


async def test_one_reference_of_the_bank_for_two_payments_disputes_the_second(paying: Paying, tmp_path: Path) -> None:
    await run_job(paying, tmp_path)
    first, second = (await instructions(paying))[:2]
    answer(tmp_path, first["reference"], bank_reference="R1")
    answer(tmp_path, second["reference"], bank_reference="R1")
    await run_job(paying, tmp_path, seconds=5)
    assert [one["status"] for one in (await instructions(paying))[:2]] == ["paid", "disputed"]
    assert await balance(paying) == {"R1": first["amount_fen"]}, "counted once"
