"""A province in which everything has happened that leaves a row: for tampering with every table of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from api.auth.keys import list_keys, revoke_key
from api.auth.people import give_password, shut_out
from api.auth.sessions import log_in, log_out, proof_of_session
from meter.database.connect import connect
from meter.jobs.seal import archive
from tests.support.api_client import ApiClient, KeyClient, good
from tests.support.people import PASSWORD, code_of, person_of, session_of
from tests.support.province import (
    CITIES,
    People,
    account_of,
    approve_accounts,
    approved,
    decide,
    locked,
    people_of,
    populate,
    run,
    use,
)
from tests.support.province import code_of as entity_of
from tests.support.records import entity, expenditure, facility, holding, usage, uscc
from tests.support.worlds import post


async def busy_province(door: ApiClient, folder: Path) -> None:
    """A locked settlement and an adjustment, paid in part and clawed back, with people, findings and a quarantine."""
    platform = await populate(door)
    registrar = await door.registrar()
    await _registry(registrar)
    names = await _journal(door, platform, registrar)
    people = await people_of(door)
    await _people(door)
    number = (await locked(people))["id"]
    good(await post(people.reviewer, f"/settlements/{(await run(people.clerk, number='b'))['id']}/findings"))
    await _accounts(door, registrar)
    await _company(door)
    await _released(door, people, number)
    await _payments(people)
    await _adjustment(platform, people, number, names)
    await archive(door.engine, folder, algorithm="sm3", moment=datetime.now(UTC) + timedelta(days=400), up_to=3)


async def _registry(registrar: KeyClient) -> None:
    crowded = facility("crowded", capacity=[{"chip": "card-a", "cards": 1, "from": "2020-01-01"}])
    for path, items in (
        ("/facilities", [crowded]),
        ("/holdings", [holding(uscc(601), uscc(602), "0.6"), holding(uscc(602), uscc(603), "0.125")]),
        ("/expenditures", [expenditure("spent-1", consumer=entity_of(CITIES[0], 0)), expenditure("spent-2")]),
    ):
        assert good(await registrar.put(path, items))["refused"] == 0, path


async def _journal(door: ApiClient, platform: KeyClient, registrar: KeyClient) -> list[str]:
    """Records in several batches; a conflict, refusals, a replay, a replacement and a void; control totals."""
    names = []
    for hour in (9, 10):
        names += await use(platform, {entity_of(city, 0): 1000 * hour for city in CITIES}, hour)
    await platform.push(usage("clash", charge_fen=1), usage("bad", cards=-1))
    await platform.push(usage("clash", charge_fen=2), usage("late", facility="not-yet"))
    good(await registrar.put("/facilities", [facility("not-yet")]))
    assert (await platform.replay())["accepted"] == 1
    await platform.push(*(usage(f"crowd-{n}", facility="crowded", cards=3, charge_fen=300) for n in range(3)))
    await platform.push(usage("void-me", charge_fen=7), {"id": "void", "corrects": "void-me", "action": "void"})
    totals = [{"day": f"2025-09-0{day}", "records": day, "charge_fen": 100 * day} for day in (1, 2)]
    good(await platform.put("/control-totals", totals))
    assert door.url
    return names


async def _people(door: ApiClient) -> None:
    """Persons who came, went, were given another password and shut out; a key that was revoked."""
    now = datetime.now(UTC)
    await session_of(door, "Li", "approver")
    token = await session_of(door, "Wang", "auditor")
    await log_out(door.engine, token, now + timedelta(minutes=1))
    secret = await person_of(door, "Zhao", "reviewer", "340100")
    await log_in(door.engine, "Zhao", "not the password at all", now, code_of(secret))
    assert await log_in(door.engine, "Zhao", PASSWORD, now, code_of(secret))
    assert await give_password(door.commands, "Zhao", "another long password", now + timedelta(minutes=2))
    await shut_out(door.commands, "Wang", now + timedelta(minutes=3), out=True)
    await door.holder("usage:read", name="revoked")
    prefix = next(str(one["prefix"]) for one in await list_keys(door.commands) if one["name"] == "revoked")
    assert await revoke_key(door.commands, prefix, now)


async def _accounts(door: ApiClient, registrar: KeyClient) -> None:
    """An account that was changed, one whose change waits, one that was rejected."""
    for city, number in ((CITIES[0], 0), (CITIES[1], 0), (CITIES[2], 0)):
        changed = {**account_of(city, number), "account": f"6333{city}{number:04d}"}
        item = entity(
            entity_of(city, number), name=f"{city}-{number} 有限公司", region=city[:5] + "2", bank_account=changed,
            valid_from="2016-01-01",
        )  # fmt: skip
        assert good(await registrar.put("/entities", [item]))["refused"] == 0
    await approve_accounts(door, entity_of(CITIES[0], 0))
    second = await door.holder("settlement:approve", "registry:read", "payout:read")
    (waiting,) = await second.items("/account-proposals", status="proposed", entity=entity_of(CITIES[1], 0))
    good(await post(second, f"/account-proposals/{waiting['id']}/reject", {"note": "not theirs"}))


async def _company(door: ApiClient) -> None:
    """A company that confirmed what it wants, and proposed an account of its own."""
    code = entity_of(CITIES[2], 1)
    session = await session_of(door, "Sun", "entity", uscc=code)
    connection = await connect(door.url, application="busy")
    try:
        await connection.execute("select set_config('suanbu.proof', $1, false)", proof_of_session(session))
        await connection.execute("select company_confirm('anhui-2026', account_on($1, suanbu_today()))", code)
        await connection.execute("select company_propose_account('sealed', 'bank ****1', true)")
    finally:
        await connection.close()


async def _released(door: ApiClient, people: People, number: str) -> None:
    """A rule that was confirmed, a run that was released, a file, a statement of the bank with a remark."""
    rule = (await post(people.payer, "/payout-rules", {"leases": "own", "run_limit_fen": 10**12})).json()
    good(await post(people.approver, f"/payout-rules/{rule['id']}/confirm"))
    paid = (await post(people.payer, "/payout-runs", {"settlement": number})).json()
    good(await post(people.approver, f"/payout-runs/{paid['id']}/approve", {"digest": paid["digest"]}))
    connection = await connect(door.url, application="busy")
    try:
        await connection.execute("select set_config('suanbu.city', '*', false)")
        await connection.execute(_FILE_AND_STATEMENT)
    finally:
        await connection.close()


_FILE_AND_STATEMENT = """
    insert into payout_file (name, sha256, encoding, instructions, sum_fen, actor, at)
    values ('out-1.csv', 'sha256:1', 'utf-8', 0, 0, 'key:payer', now());
    begin;
    insert into bank_statement (name, sha256, mapping, first_day, last_day, lines, paid_fen, received_fen, actor, at)
    values ('statement.csv', 'sha256:2', 'plain', '2026-11-01', '2026-11-02', 2, 70, 30, 'key:payer', now());
    insert into bank_statement_line (statement, ordinal, booked_on, moved_fen, bank_reference, reference, counterparty,
        account_masked, said)
    values (1, 1, '2026-11-01', 70, 'B1', '', 'a', '***1', ''), (1, 2, '2026-11-02', -30, 'B2', '', 'b', '***2', '');
    commit;
    insert into bank_statement_note (statement, ordinal, kind, note, actor, at)
    values (1, 2, 'fee', 'of the bank', 'key:payer', now());
    insert into registry_entry (kind, item, reason, actor, at)
    values ('entities', '{}', 'seen', 'key:registrar', now());
    insert into registry_entry_event (entry, event, actor, at, note) values (1, 'reject', 'key:other', now(), 'no');
    insert into conflict_decision (quarantine, decision, reason, actor, at)
    select id, 'source_asked', 'asked by letter', 'key:registrar', now() from quarantine where status = 'conflict'
    order by id limit 1;
    select suanbu_adopt('source')"""
"""What no door writes yet; and a row as a migration adopts it."""


async def _payments(people: People) -> None:
    """Paid, failed and issued again, failed, with the bank, never sent."""
    taken = good(await post(people.payer, "/payouts/claim", {"limit": 5, "worker": "w"}))["items"]
    for one in taken[:3]:
        said = {"fence": one["fence"], "bank_reference": f"B{one['id']}"}
        good(await post(people.payer, f"/payouts/{one['id']}/paid", said))
    for one in taken[3:]:
        good(
            await post(people.payer, f"/payouts/{one['id']}/failed", {"fence": one["fence"], "note": "no such account"})
        )
    good(await post(people.approver, f"/payouts/{taken[3]['id']}/retry", {"note": "again"}))
    again = good(await post(people.payer, "/payouts/claim", {"limit": 1, "worker": "v"}))["items"][0]
    await post(people.payer, f"/payouts/{again['id']}/paid", {"fence": again["fence"] + 7, "bank_reference": "B-late"})


async def _adjustment(platform: KeyClient, people: People, number: str, names: list[str]) -> None:
    """Less for one who was paid: a claim, recovered in part, with a proposal that was rejected."""
    await platform.push(
        usage("less", consumer=entity_of(CITIES[0], 0), charge_fen=1, corrects=names[0], action="replace"),
        usage("less-2", consumer=entity_of(CITIES[1], 0), charge_fen=1, corrects=names[1], action="replace"),
    )
    answer = await post(people.clerk, f"/settlements/{number}/adjustments")
    made: dict[str, Any] = answer.json()
    await approved(people, made["id"])
    good(await decide(people.approver, made["id"], "lock"))
    for claim in await people.clerk.items("/claims"):
        for kind, amount, word in (("repaid", 1, "approve"), ("repaid", 2, "reject"), ("repaid", 3, "")):
            proposed = good(
                await post(people.clerk, f"/claims/{claim['id']}/propose", {"kind": kind, "amount_fen": amount})
            )
            if word:
                good(await post(people.approver, f"/claims/{claim['id']}/{word}", {"proposal": proposed["event"]}))
