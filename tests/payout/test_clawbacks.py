"""Adjustments: what arrives after the lock is settled as differences, paid on top or clawed back by two people."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import asyncpg
import pytest
import zstandard

from tests.payout.conftest import Paying
from tests.support.api_client import good, problem
from tests.support.province import CITIES, approve_accounts, approved, code_of, decide, use
from tests.support.records import entity, usage
from tests.support.worlds import every_line, post


async def pay(paying: Paying, how_many: int = 100) -> list[dict[str, object]]:
    """Pay the next instructions in full."""
    payer = paying.people.payer
    taken = good(await post(payer, "/payouts/claim", {"limit": how_many, "worker": "w"}))["items"]
    for one in taken:
        said = {"fence": one["fence"], "bank_reference": f"B{one['id']}"}
        good(await post(payer, f"/payouts/{one['id']}/paid", said))
    return list(taken)


async def correct(paying: Paying, code: str, charge_fen: int) -> None:
    """Replace the one record of an entity by another charge."""
    platform = await paying.door.platform("corrections")
    source = await paying.owner.fetchval(
        "select s.name from entry e join party p on p.id = e.consumer join source s on s.id = e.source "
        "where p.uscc = $1 limit 1",
        code,
    )
    assert platform.key
    sender = await paying.door.platform(source)
    names = [name async for name in _ids(paying, code)]
    receipt = await sender.push(
        usage(f"fix-{names[-1]}-{charge_fen}", consumer=code, charge_fen=charge_fen, corrects=names[-1],
              action="replace")
    )  # fmt: skip
    assert receipt["accepted"] == 1, receipt


async def void(paying: Paying, code: str) -> None:
    """Take back the last version of an entity's first record."""
    source = await paying.owner.fetchval(
        "select s.name from entry e join party p on p.id = e.consumer join source s on s.id = e.source "
        "where p.uscc = $1 order by e.batch limit 1",
        code,
    )
    names = [name async for name in _ids(paying, code)]
    last = next((name for name in reversed(names) if name.startswith("fix-")), names[0])
    sender = await paying.door.platform(source)
    receipt = await sender.push({"id": f"void-{last}", "corrects": last, "action": "void"})
    assert receipt["accepted"] == 1, receipt


async def _ids(paying: Paying, code: str) -> AsyncIterator[str]:
    """The ids of an entity's records, in the order in which they were recorded."""
    rows = await paying.owner.fetch("select body from batch_body order by batch")
    for row in rows:
        body = zstandard.ZstdDecompressor().decompressobj().decompress(row["body"])
        if not body.lstrip().startswith(b"["):
            continue
        for record in json.loads(body):
            if isinstance(record, dict) and record.get("consumer") == code and "charge_fen" in record:
                yield record["id"]


async def adjusted(paying: Paying) -> dict[str, object]:
    """An adjustment of the locked settlement, taken as far as its approval."""
    people = paying.people
    answer = await post(people.clerk, f"/settlements/{paying.settlement}/adjustments")
    assert answer.status_code == 201, answer.text
    made: dict[str, object] = answer.json()
    await approved(people, str(made["id"]))
    return made


async def test_more_use_is_paid_on_top_and_less_is_clawed_back(paying: Paying) -> None:
    await pay(paying)
    up, down = code_of(CITIES[0], 0), code_of(CITIES[1], 0)
    await use(await paying.door.platform("late"), {up: 50_000}, hour=12)
    await correct(paying, down, 40_000)
    made = await adjusted(paying)
    lines = {line["uscc"]: line["adjustment_fen"] for line in await every_line(paying.people.clerk, str(made["id"]))}
    assert {code: fen for code, fen in lines.items() if fen} == {up: 10_000, down: -12_000}
    assert good(await decide(paying.people.approver, str(made["id"]), "lock"))["status"] == "locked"
    (more,) = await paying.people.clerk.items("/payouts", settlement=made["id"])
    assert (more["uscc"], more["amount_fen"], more["status"]) == (up, 10_000, "ready")
    (clawback,) = await paying.people.clerk.items("/claims", settlement=made["id"])
    assert (clawback["uscc"], clawback["amount_fen"], clawback["status"]) == (down, 12_000, "open")


async def test_a_clawback_is_settled_by_two_people_and_never_beyond_itself(paying: Paying) -> None:
    await pay(paying)
    down = code_of(CITIES[1], 0)
    await correct(paying, down, 40_000)
    first = await adjusted(paying)
    good(await decide(paying.people.approver, str(first["id"]), "lock"))
    await use(await paying.door.platform("later still"), {down: 25_000}, hour=15)
    answer = await post(paying.people.clerk, f"/settlements/{first['id']}/adjustments")
    second = answer.json()
    await approved(paying.people, second["id"])
    good(await decide(paying.people.approver, second["id"], "lock"))
    (clawback,) = await paying.people.clerk.items("/claims")
    (instruction,) = await paying.people.clerk.items("/payouts", settlement=second["id"])
    path = f"/claims/{clawback['id']}"
    above = {"kind": "offset", "amount_fen": 12_001, "instruction": instruction["id"]}
    assert problem(await post(paying.people.clerk, f"{path}/propose", above)) == (409, "ABOVE_CLAIM")
    every = await paying.door.holder("settlement:run", "settlement:approve")
    offset = {"kind": "offset", "amount_fen": 5_000, "instruction": instruction["id"]}
    proposal = good(await post(every, f"{path}/propose", offset))["event"]
    assert problem(await post(every, f"{path}/approve", {"proposal": proposal})) == (403, "SAME_PERSON")
    still = (await paying.people.clerk.items("/payouts", settlement=second["id"]))[0]
    assert still["amount_fen"] == 5_000
    done = good(await post(paying.people.approver, f"{path}/approve", {"proposal": proposal}))
    assert (done["recovered_fen"], done["status"]) == (5_000, "open")
    still = (await paying.people.clerk.items("/payouts", settlement=second["id"]))[0]
    assert (still["amount_fen"], still["offset_fen"], still["status"]) == (0, 5_000, "offset")
    repaid = good(await post(paying.people.clerk, f"{path}/propose", {"kind": "repaid", "amount_fen": 7_000}))["event"]
    closed = good(await post(paying.people.approver, f"{path}/approve", {"proposal": repaid}))
    assert (closed["recovered_fen"], closed["status"]) == (12_000, "settled")
    again = await post(paying.people.approver, f"{path}/approve", {"proposal": repaid})
    assert problem(again) == (404, "NO_SUCH_PROPOSAL")


async def lock_adjustment(paying: Paying) -> str:
    """An adjustment of whatever was locked last, locked; its number."""
    made = await adjusted(paying)
    good(await decide(paying.people.approver, str(made["id"]), "lock"))
    return str(made["id"])


async def test_who_is_new_in_an_adjustment_is_paid_in_full(paying: Paying) -> None:
    await pay(paying)
    new = code_of("340400", 0)
    registrar = await paying.door.registrar()
    account = {"bank": "测试银行", "account": "62221234", "holder": "新单位"}
    good(await registrar.put("/entities", [entity(new, name="新单位", region="340402", bank_account=account)]))
    assert await approve_accounts(paying.door, new) == [], "a first account in the entity's own name"
    await use(await paying.door.platform("newcomer"), {new: 30_000}, hour=16)
    number = await lock_adjustment(paying)
    (line,) = [line for line in await every_line(paying.people.clerk, number) if line["uscc"] == new]
    assert "adjustment_fen" not in line, "no earlier settlement of the round paid it"
    assert good(await paying.people.clerk.get(f"/settlements/{number}"))["totals"]["adjustment_fen"] == 6_000
    (one,) = await paying.people.clerk.items("/payouts", settlement=number)
    assert (one["uscc"], one["amount_fen"]) == (new, 6_000)


async def test_whose_use_is_voided_keeps_a_line_and_owes_what_was_paid(paying: Paying) -> None:
    await pay(paying)
    gone = code_of(CITIES[2], 1)
    await void(paying, gone)
    number = await lock_adjustment(paying)
    (line,) = [line for line in await every_line(paying.people.clerk, number) if line["uscc"] == gone]
    assert (line["payable_fen"], line["adjustment_fen"]) == (0, -20_000)
    (clawback,) = await paying.people.clerk.items("/claims", settlement=number)
    assert (clawback["uscc"], clawback["amount_fen"]) == (gone, 20_000)


async def test_an_adjustment_of_an_adjustment_claws_back_what_was_offset_as_well(paying: Paying) -> None:
    """Paid 20,000; 12,000 too much; 5,000 more, offset against it; then nothing at all is due any more."""
    await pay(paying)
    code = code_of(CITIES[1], 0)
    await correct(paying, code, 40_000)
    first = await lock_adjustment(paying)
    extra = await use(platform := await paying.door.platform("more of it"), {code: 25_000}, hour=15)
    second = await lock_adjustment(paying)
    assert good(await paying.people.clerk.get(f"/settlements/{second}"))["adjusts"] == first
    (clawback,) = await paying.people.clerk.items("/claims")
    (instruction,) = await paying.people.clerk.items("/payouts", settlement=second)
    said = {"kind": "offset", "amount_fen": 5_000, "instruction": instruction["id"]}
    proposal = good(await post(paying.people.clerk, f"/claims/{clawback['id']}/propose", said))["event"]
    good(await post(paying.people.approver, f"/claims/{clawback['id']}/approve", {"proposal": proposal}))
    assert good(await paying.people.clerk.get(f"/settlements/{second}"))["status"] == "paid", "nothing of it is open"
    await platform.push({"id": "void-extra", "corrects": extra[0], "action": "void"})
    await void(paying, code)
    third = await lock_adjustment(paying)
    clawbacks = {one["settlement"]: one for one in await paying.people.clerk.items("/claims")}
    assert (clawbacks[first]["amount_fen"], clawbacks[first]["recovered_fen"]) == (12_000, 5_000)
    assert clawbacks[third]["amount_fen"] == 13_000
    still_open = sum(one["amount_fen"] - one["recovered_fen"] for one in clawbacks.values())
    assert still_open == 20_000, "all that the bank has paid, and not a fen more"


async def test_a_clawback_is_waived_as_a_whole(paying: Paying) -> None:
    await pay(paying)
    await correct(paying, code_of(CITIES[1], 0), 40_000)
    await lock_adjustment(paying)
    (clawback,) = await paying.people.clerk.items("/claims")
    path = f"/claims/{clawback['id']}"
    part = await post(paying.people.clerk, f"{path}/propose", {"kind": "waive", "amount_fen": 1})
    assert problem(part) == (409, "WAIVED_WHOLE")
    proposal = good(await post(paying.people.clerk, f"{path}/propose", {"kind": "waive", "amount_fen": 12_000}))[
        "event"
    ]
    repaid = good(await post(paying.people.clerk, f"{path}/propose", {"kind": "repaid", "amount_fen": 1}))["event"]
    good(await post(paying.people.approver, f"{path}/approve", {"proposal": repaid}))
    late = await post(paying.people.approver, f"{path}/approve", {"proposal": proposal})
    assert problem(late) == (409, "ABOVE_CLAIM"), "it is no longer the whole"


async def test_money_that_comes_back_reopens_the_settlement(paying: Paying) -> None:
    paid = await pay(paying)
    clerk = paying.people.clerk

    async def status() -> str:
        return str(good(await clerk.get(f"/settlements/{paying.settlement}"))["status"])

    assert await status() == "paid"
    said = {"bank_reference": f"B{paid[0]['id']}"}
    good(await post(paying.people.payer, f"/payouts/{paid[0]['id']}/returned", said))
    assert await status() == "locked"
    good(await post(paying.people.approver, f"/payouts/{paid[0]['id']}/retry"))
    assert await status() == "locked"
    (again,) = good(await post(paying.people.payer, "/payouts/claim", {"limit": 5, "worker": "w"}))["items"]
    said = {"bank_reference": "B-again", "fence": again["fence"]}
    good(await post(paying.people.payer, f"/payouts/{again['id']}/paid", said))
    assert await status() == "paid"
    events = good(await clerk.get(f"/settlements/{paying.settlement}"))["events"]
    assert [event["event"] for event in events[-4:]] == ["lock", "paid", "reopen", "paid"]


async def test_a_difference_that_is_none_is_refused_by_the_database(paying: Paying) -> None:
    await pay(paying)
    await use(await paying.door.platform("late"), {code_of(CITIES[0], 0): 50_000}, hour=12)
    made = await adjusted(paying)
    async with paying.owner.transaction():
        await paying.owner.execute("set local session_replication_role = replica")
        await paying.owner.execute(
            "update settlement_line set adjustment_fen = 1000000 where settlement = $1 and uscc = $2",
            made["id"], code_of(CITIES[0], 0),
        )  # fmt: skip
        await paying.owner.execute(
            """update settlement_event set detail = detail || jsonb_build_object('lines_sha256',
               settlement_lines_sha256($1)) where settlement = $1 and event = 'approve'""",
            made["id"],
        )
    assert problem(await decide(paying.people.approver, str(made["id"]), "lock")) == (409, "ADJUSTMENT_WRONG")


async def test_nothing_is_clawed_back_that_was_not_paid_what_waits_is_paid_less(paying: Paying) -> None:
    down = code_of(CITIES[1], 0)
    await correct(paying, down, 40_000)
    made = await adjusted(paying)
    good(await decide(paying.people.approver, str(made["id"]), "lock"))
    assert await paying.people.clerk.items("/claims") == []
    waiting = {one["uscc"]: one for one in await paying.people.clerk.items("/payouts", settlement=paying.settlement)}
    assert (waiting[down]["amount_fen"], waiting[down]["offset_fen"]) == (8_000, 12_000)


async def test_what_is_with_the_bank_is_waited_for(paying: Paying) -> None:
    good(await post(paying.people.payer, "/payouts/claim", {"limit": 100, "worker": "w"}))
    await correct(paying, code_of(CITIES[1], 0), 40_000)
    made = await adjusted(paying)
    assert problem(await decide(paying.people.approver, str(made["id"]), "lock")) == (409, "EARLIER_PAYMENT_OPEN")
    for one in await paying.people.clerk.items("/payouts", status="leased"):
        said = {"fence": one["fence"], "bank_reference": f"B{one['id']}"}
        good(await post(paying.people.payer, f"/payouts/{one['id']}/paid", said))
    assert good(await decide(paying.people.approver, str(made["id"]), "lock"))["status"] == "locked"  # tried again


@pytest.mark.parametrize(
    "said", [{}, {"claim": 1}, {"because_of": "anhui-2026-0001"}, {"because_of": "none"}, {"claim": None}]
)
async def test_nothing_is_offset_without_an_approval_not_even_by_the_service_itself(
    paying: Paying, said: dict[str, object]
) -> None:
    one = (await paying.people.clerk.items("/payouts", settlement=paying.settlement))[0]
    for part, after in ((one["amount_fen"], "offset"), (1, "ready"), (-1, "ready")):
        transaction = paying.owner.transaction()
        await transaction.start()
        await paying.owner.execute("select set_config('suanbu.city', '*', true)")
        await paying.owner.execute("set local role suanbu_service")
        with pytest.raises(asyncpg.CheckViolationError):
            await paying.owner.execute(
                """insert into payout_event (instruction, before, after, actor, at, transaction, reference, moved_fen,
                   detail) values ($1, '', $2, 'key:x', now(), 0, '', 0, $3)""",
                one["id"], after, json.dumps({"offset_fen": part, **said}),
            )  # fmt: skip
        await transaction.rollback()


@pytest.mark.parametrize("column", ["amount_fen = amount_fen + 1", "recovered_fen = 1", "status = 'waived'"])
async def test_a_clawback_changed_by_hand_is_refused_by_the_database(paying: Paying, column: str) -> None:
    await pay(paying)
    await correct(paying, code_of(CITIES[1], 0), 40_000)
    made = await adjusted(paying)
    good(await decide(paying.people.approver, str(made["id"]), "lock"))
    with pytest.raises(asyncpg.CheckViolationError):
        await paying.owner.execute(f"update clawback_claim set {column}")
