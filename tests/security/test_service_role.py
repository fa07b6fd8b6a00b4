"""What the service's own role might try: hiding a table, forging a key, a person, a session, a row of the audit log."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio

from api.auth.people import create_person, shut_out
from meter.database.roles import COMMAND_ROLE, READER_ROLE, ROLES, SERVICE_ROLE
from tests.support.api_client import ApiClient
from tests.support.province import people_of, populate, run

NOW = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)
TOKEN = b"t" * 32


@pytest_asyncio.fixture
async def intruder(owner: asyncpg.Connection, database: str) -> AsyncIterator[asyncpg.Connection]:
    """A login that is a member of the service's role and may make temporary tables, as every login could."""
    name, password = f"suanbu_intruder_{secrets.token_hex(4)}", secrets.token_hex(8)
    place = urlsplit(database).path.lstrip("/")
    await owner.execute(f"create role {name} login password '{password}' in role {SERVICE_ROLE}")
    await owner.execute(f"grant temporary on database {place} to {name}")
    parts = urlsplit(database)
    url = urlunsplit(parts._replace(netloc=f"{name}:{password}@{parts.netloc.rpartition('@')[2]}"))
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()
        await owner.execute(f"revoke temporary on database {place} from {name}")
        await owner.execute(f"drop role {name}")


@contextlib.asynccontextmanager
async def acting_as(owner: asyncpg.Connection, role: str, actor: str = "", proof: str = "") -> AsyncIterator[None]:
    """A transaction in a role and on behalf of an actor, who shows this, undone at its end."""
    transaction = owner.transaction(isolation="read_committed")
    await transaction.start()
    try:
        await owner.execute(f"set local role {role}")
        await owner.execute(
            """select set_config('suanbu.city', '*', true), set_config('suanbu.actor', $1, true),
               set_config('suanbu.proof', $2, true)""",
            actor, proof,
        )  # fmt: skip
        yield
    finally:
        await transaction.rollback()


async def test_a_temporary_catalogue_runs_nothing_as_the_owner(intruder: asyncpg.Connection) -> None:
    """A view `pg_class` of one's own, whose column calls a function of one's own, in a function that looks there."""
    await intruder.execute("""
        create function pg_temp.evil() returns int language plpgsql as
        $$ begin raise exception 'ran as %', current_user; end $$""")
    await intruder.execute("""
        create temp view pg_class as
        select oid, relname, relnamespace, pg_temp.evil() as relpages from pg_catalog.pg_class""")
    await intruder.execute("grant select on pg_temp.pg_class to public")
    assert await intruder.fetchval("select 'pg_class'::regclass <> 'pg_catalog.pg_class'::regclass"), "hidden"
    await intruder.execute("select summarize_journal()")


async def test_a_temporary_table_hides_no_event_from_the_guard_of_lines(
    app: ApiClient, intruder: asyncpg.Connection
) -> None:
    """A line of 990,000 yuan, added after the run, would be approved under the digest that was seen before."""
    await populate(app)
    number = (await run((await people_of(app)).clerk))["id"]
    await intruder.execute("select set_config('suanbu.city', '*', false)")
    await intruder.execute("create temp table settlement_event (settlement text)")
    with pytest.raises(asyncpg.CheckViolationError, match="never added to it"):
        await intruder.execute(
            """insert into settlement_line (settlement, uscc, name, outcome, award_fen, held_fen, payable_fen, line,
               working) values ($1, '000000000000000000', '', 'payable', 99000000, 0, 99000000, '{}', '{}')""",
            number,
        )


@pytest.mark.parametrize("role", ROLES)
async def test_no_role_of_ours_makes_a_temporary_table(owner: asyncpg.Connection, role: str) -> None:
    async with acting_as(owner, role):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="temporary"):
            await owner.execute("create temp table settlement_event (settlement text)")


@pytest.mark.parametrize(
    "sql",
    [
        """insert into api_key (prefix, secret_digest, name, scopes, created_at, signed)
           values ('aaaaaaaaaaaa', '', 'director', '{settlement:approve}', now(), false)""",
        "insert into api_key_revocation select id, now() from api_key limit 1",
        """insert into person (name, role, password_hash, created_at) values ('director', 'approver', '', now())""",
        "update person set password_hash = ''",
        "select password_hash from person",
        "select secret_digest from api_key",
        "select suanbu_shown()",
        """insert into person_event (name, event, result, actor, at, detail)
           values ('director', 'unlock', 'done', 'person:admin', now(), '{}')""",
        """insert into login (token_digest, person, created_at, expires_at, seen_at, proven_at)
           select '', id, now(), now(), now(), now() from person limit 1""",
        "update login set proven_at = now()",
        "insert into logout values ('', now())",
        "insert into audit values (1, now(), 'person:director', 'x', 'x', 'done', null, null, '{}', '')",
        "select audit_append('person:director', 'settlement.approve', 'S1', 'done', null, null, '{}')",
        "select person_noted('director', 'unlock', now())",
        "select settlement_instruct('S1', 'key:somebody', now())",
    ],
)
@pytest.mark.parametrize("role", [SERVICE_ROLE, READER_ROLE])
async def test_the_service_makes_no_key_person_session_or_row_of_the_log(
    owner: asyncpg.Connection, role: str, sql: str
) -> None:
    async with acting_as(owner, role):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await owner.execute(sql)


@pytest.mark.parametrize(
    ("actor", "did", "result", "why"),
    [
        ("person:director", "settlement.approve", "refused", "nobody here acts as person:director"),
        ("key:director", "key.use", "done", "nobody here acts as key:director"),
        ("key:director", "key.use", "refused", "nobody here acts as key:director"),
        ("director", "key.use", "done", "nobody here acts as director"),
        ("key:unknown", "settlement.approve", "refused", "nobody here acts as key:unknown"),
        ("service", "settlement.approve", "done", "is on record where it was done"),
        ("service", "key.create", "done", "is on record where it was done"),
        ("service", "payout.paid", "done", "is on record where it was done"),
        ("service", "key.use", "perhaps", "done or refused"),
    ],
)
async def test_what_the_service_notes_is_somebodys_and_never_a_decision(
    owner: asyncpg.Connection, actor: str, did: str, result: str, why: str
) -> None:
    async with acting_as(owner, SERVICE_ROLE, actor):
        with pytest.raises(asyncpg.CheckViolationError, match=why):
            await owner.execute("select audit_note($1, 'x', $2, '{}')", did, result)


async def test_what_the_service_may_note_is_noted_under_who_acts(owner: asyncpg.Connection, app: ApiClient) -> None:
    holder = await app.holder("usage:read", name="somebody")
    for actor, proof, did, result in (
        ("key:somebody", holder.proof, "key.use", "done"),
        ("key:somebody", holder.proof, "settlement.approve", "refused"),
        ("key:somebody", "", "key.use", "refused"),
        ("key:unknown", "", "key.use", "refused"),
    ):
        async with acting_as(owner, SERVICE_ROLE, actor, proof):
            number = await owner.fetchval("select audit_note($1, 'x', $2, '{}')", did, result)
            row = await owner.fetchrow("select actor, action, result from audit where seq = $1", number)
            assert tuple(row) == (actor, did, result)
    for proof in ("", holder.proof[:-1] + "x", holder.proof.replace("key:", "session:"), "key", "session:00"):
        async with acting_as(owner, SERVICE_ROLE, "key:somebody", proof):
            with pytest.raises((asyncpg.CheckViolationError, asyncpg.DataError)):
                await owner.execute("select audit_note('settlement.approve', 'x', 'refused', '{}')")


async def test_a_session_is_of_somebody_who_may_come_in_and_ends(owner: asyncpg.Connection, app: ApiClient) -> None:
    for name in ("shut out", "one factor", "two factors"):
        secret = "JBSWY3DPEHPK3PXP" if name == "two factors" else None
        await create_person(
            app.commands, name=name, role="approver", city=None, password="long enough", now=NOW, totp_secret=secret
        )
    assert await shut_out(app.commands, "shut out", NOW, out=True)
    soon, late = NOW + timedelta(hours=8), NOW + timedelta(hours=9)
    for name, until, step, why in (
        ("nobody", soon, None, "somebody who may come in"),
        ("shut out", soon, None, "somebody who may come in"),
        ("one factor", late, None, "ends after 8 hours"),
        ("one factor", soon, 1, "by who has one"),
        ("two factors", soon, None, "by who has one"),
    ):
        shown = await owner.fetchval("select password_hash from person where name = $1", name)
        async with acting_as(owner, SERVICE_ROLE):
            with pytest.raises(asyncpg.CheckViolationError, match=why):
                await owner.execute("select session_open($1, $2, $3, $4, $5, $6)", TOKEN, name, shown, NOW, until, step)
    proven = "select session_proven($1, '{}', $2::timestamptz, {})".format
    async with acting_as(owner, SERVICE_ROLE):
        assert await _fails(owner, f"select session_open($1, 'two factors', '', $2, '{soon}', 7)", "knows the password")
        await owner.execute("select session_open($1, 'two factors', $4, $2, $3, 7)", TOKEN, NOW, soon, shown)
        assert await _fails(owner, proven("guess", 8), "knows the password")
        assert await _fails(owner, proven(shown, 7), "taken once")
        await owner.execute(proven(shown, 8), TOKEN, NOW)
        assert await _fails(owner, proven(shown, 9).replace("stamptz,", "stamptz + interval '9h',"), "no such session")
        assert await owner.fetchval("select session_end($1, $2)", TOKEN, NOW) == "two factors"
        assert await owner.fetchval("select session_end($1, $2)", TOKEN, NOW) is None
        assert await _fails(owner, proven(shown, 9), "no such session")
        events = await owner.fetch(
            "select event, result, actor from person_event where name = 'two factors' order by id"
        )
        assert [tuple(row) for row in events] == [
            (event, "done", "person:two factors") for event in ("login", "reauthenticate", "logout")
        ]


async def test_the_service_records_refusals_and_nothing_else_about_people(owner: asyncpg.Connection) -> None:
    async with acting_as(owner, SERVICE_ROLE):
        for event, reason in (("unlock", "x"), ("disable", "x"), ("login", "")):
            with pytest.raises(asyncpg.CheckViolationError):
                async with owner.transaction(isolation="read_committed"):
                    await owner.execute("select session_refused('a', $1, $2, $3)", event, reason, NOW)
        await owner.execute("select session_refused('a', 'login', 'wrong', $1)", NOW)
        assert await owner.fetchval("select actor from person_event where name = 'a'") == "nobody"


async def test_the_command_line_notes_what_it_does_to_people(owner: asyncpg.Connection) -> None:
    async with acting_as(owner, COMMAND_ROLE, "command line:root"):
        await owner.execute("select person_noted('somebody typed', 'unlock', $1)", NOW)
        assert await owner.fetchval("select actor from person_event where name = 'somebody typed'") == (
            "command line:root"
        )
        with pytest.raises(asyncpg.CheckViolationError, match="disables, enables or unlocks"):
            await owner.execute("select person_noted('somebody typed', 'login', $1)", NOW)


async def _fails(owner: asyncpg.Connection, sql: str, why: str) -> bool:
    with pytest.raises(asyncpg.CheckViolationError, match=why):
        async with owner.transaction(isolation="read_committed"):
            await owner.execute(sql, TOKEN, NOW)
    return True
