"""The catalogue of the database, walked: what nobody may do holds for every table and function, next year's too."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest

from meter.database.roles import CITY_ROLE, COMMAND_ROLE, OWNER_ROLE, READER_ROLE, ROLES, SERVICE_ROLE

OURS = ("public", "city")
WITHOUT_ROW_SECURITY = {
    "adopted": "of the audit log: rows from before they went on record, which cities have no right to",
    "alembic_version": "the revision is everybody's",
    "api_key": "of the door: reached by the service before it knows on whose behalf, its digest hidden from the reader",
    "api_key_revocation": "as api_key",
    "archive_sealing": "of the journal as a whole, which no city reads",
    "audit": "of the province: auditors read it whole, cities have no right to it",
    "batch": "of the journal, which cities have no right to",
    "batch_body": "of the journal",
    "chip": "a number for a model",
    "chip_fact": "of the registry, which cities have no right to",
    "conflict_decision": "of the journal: cities have no right to it",
    "control_total": "of the registry",
    "entity_fact": "of the registry; the account is sealed, and hidden from the reader",
    "entry": "of the journal",
    "expenditure_fact": "of the registry",
    "facility": "a number for a facility",
    "facility_fact": "of the registry",
    "facility_owner": "of the registry",
    "finding": "of the province: cities have no right to it",
    "holding_fact": "of the registry",
    "job_tally": "counts by kind of job, which cities have no right to",
    "login": "of the door; written by functions only, and hidden from the reader",
    "logout": "as login",
    "party": "a number for an entity",
    "payout_transition": "a rule",
    "person": "of the door; hash and second factor are hidden from the reader",
    "person_event": "of the door; written by functions only",
    "quarantine": "of the journal",
    "quarantine_release": "of the journal",
    "request_nonce": "of the door; hidden from the reader",
    "reversal": "of the journal",
    "rollup": "a cache of the journal",
    "rollup_block": "a cache of the journal",
    "account_event": "of the registry: cities have no right to it",
    "account_proposal": "of the registry: cities have no right to it",
    "registry_entry": "of the registry: cities have no right to it",
    "registry_entry_event": "of the registry: cities have no right to it",
    "settlement_account": "of the province: cities have no right to it",
    "settlement_line_group": "digests of the province's lines: cities have no right to it",
    "settlement_transition": "a rule",
    "source": "a number for a source",
    "tree_leaf": "digests of the journal",
    "tree_tile": "digests of the journal and the audit log",
}
"""Why a table has no row security. A new table has it, or says here why not."""
CITY_READS = {
    "settlement_line", "settlement_event", "payout_instruction", "payout_event", "settlement", "alembic_version",
    "job", "job_output",
}  # fmt: skip
HIDDEN = {
    "login": None,
    "logout": None,
    "request_nonce": None,
    "job_output": None,
    "api_key": {"secret_digest"},
    "person": {"password_hash", "totp_secret"},
    "entity_fact": {"bank_account"},
    "account_proposal": {"account"},
    "payout_instruction": {"account"},
}
"""What the reader does not see: None stands for a whole table."""
APPENDED_BY_FUNCTIONS = {"api_key", "api_key_revocation", "person", "person_event", "login", "logout", "audit"}
STATED = {CITY_ROLE: set(), COMMAND_ROLE: {SERVICE_ROLE}, OWNER_ROLE: {SERVICE_ROLE, CITY_ROLE}, READER_ROLE: set(),
          SERVICE_ROLE: set()}  # fmt: skip
"""Which roles a role of ours is a member of."""

_FUNCTIONS = """
    select p.oid::regprocedure::text as name, p.prosecdef as definer, p.prosqlbody is not null as bound,
           (select substr(c, 13) from unnest(p.proconfig) c where c like 'search_path=%') as path,
           p.proowner::regrole::text as owner, p.prolang = (select oid from pg_language where lanname = 'c') as in_c,
           exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
                   where a.grantee = 0) as open
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = any($1)"""
_TABLES = """
    select c.oid, c.relname as name, c.relrowsecurity as limited, c.relforcerowsecurity as forced,
           c.relowner::regrole::text as owner
    from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by 2"""


async def test_every_function_is_pinned_ours_and_closed_to_the_public(owner: asyncpg.Connection) -> None:
    """One expression that is bound to what it names needs no path; all others look in ours, and there last for ours."""
    found = await owner.fetch(_FUNCTIONS, OURS)
    assert len(found) >= 40
    unpinned = [
        one["name"]
        for one in found
        if not (one["bound"] and not one["definer"])
        and (one["path"] or "").replace(" ", "") != "pg_catalog,public,pg_temp"
    ]
    assert unpinned == []
    assert [one["name"] for one in found if one["open"]] == []
    assert [one["name"] for one in found if one["in_c"]] == []
    assert {one["owner"] for one in found} == {OWNER_ROLE}


async def test_a_function_of_next_year_is_closed_to_the_public(owner: asyncpg.Connection) -> None:
    async with _undone(owner):
        await owner.execute(f"set local role {OWNER_ROLE}")
        await owner.execute("create function next_year() returns int language sql as 'select 1'")
        [new] = [one for one in await owner.fetch(_FUNCTIONS, OURS) if one["name"] == "next_year()"]
        assert (new["open"], new["path"]) == (False, None), "closed by default; the test above asks for its path"


async def test_every_table_has_row_security_or_says_why_not(owner: asyncpg.Connection) -> None:
    found = await owner.fetch(_TABLES)
    assert {one["name"] for one in found if not one["limited"]} == set(WITHOUT_ROW_SECURITY)
    assert [one["name"] for one in found if one["limited"] and not one["forced"]] == []
    assert {one["owner"] for one in found} == {OWNER_ROLE}
    reached = {
        one["name"]
        for one in found
        if await owner.fetchval("select has_any_column_privilege($1, $2::oid, 'select')", CITY_ROLE, one["oid"])
    }
    assert reached <= CITY_READS, "what has no row security is out of a city's reach"


async def test_the_reader_sees_every_column_but_what_opens_a_door_or_is_sealed(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch(
        """select c.relname as place, a.attname as name, has_column_privilege($1, c.oid, a.attnum, 'select') as seen
           from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
           where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')""",
        READER_ROLE,
    )
    unseen: dict[str, set[str]] = {}
    seen = {row["place"] for row in rows if row["seen"]}
    for row in rows:
        if not row["seen"]:
            unseen.setdefault(row["place"], set()).add(row["name"])
    assert {place: names if place in seen else None for place, names in unseen.items()} == HIDDEN
    policies = await owner.fetch(
        "select tablename, cmd, qual from pg_policies where $1 = any(roles) and schemaname = 'public'", READER_ROLE
    )
    limited = {one["name"] for one in await owner.fetch(_TABLES) if one["limited"]}
    assert {(one["tablename"], one["cmd"], one["qual"]) for one in policies} == {
        (name, "SELECT", "true") for name in limited
    }


async def test_no_trigger_is_switched_off(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch(
        "select tgrelid::regclass::text || '.' || tgname as name, tgenabled::text as state from pg_trigger"
    )
    assert len(rows) > 30
    assert [row["name"] for row in rows if row["state"] not in ("O", "A")] == []


async def test_no_role_of_ours_is_more_than_is_stated(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch("select * from pg_roles where rolname = any($1)", ROLES)
    assert {row["rolname"] for row in rows} == set(ROLES)
    for row in rows:
        more = {"rolsuper", "rolcreaterole", "rolcreatedb", "rolbypassrls", "rolreplication", "rolcanlogin"}
        assert [name for name in sorted(more) if row[name]] == [], row["rolname"]
    memberships = await owner.fetch(
        """select m.member::regrole::text as member, m.roleid::regrole::text as role from pg_auth_members m
           where m.member::regrole::text = any($1)""",
        ROLES,
    )
    found: dict[str, set[str]] = {role: set() for role in ROLES}
    for row in memberships:
        found[row["member"]].add(row["role"])
    assert found == STATED


@pytest.mark.parametrize("role", ROLES)
async def test_nobody_makes_temporary_tables_and_the_owner_alone_makes_others(
    owner: asyncpg.Connection, role: str
) -> None:
    database = await owner.fetchval("select current_database()")
    assert not await owner.fetchval("select has_database_privilege($1, $2, 'temporary')", role, database)
    for schema in OURS:
        may = await owner.fetchval("select has_schema_privilege($1, $2, 'create')", role, schema)
        assert may == (role == OWNER_ROLE), schema


async def test_nobody_but_the_owner_changes_a_table_but_by_appending(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch(
        """select c.relname as place, a.grantee::regrole::text as role, a.privilege_type as what, a.is_grantable as more
           from pg_class c, aclexplode(c.relacl) a
           where c.relnamespace in ('public'::regnamespace, 'city'::regnamespace)
           union all
           select c.relname, a.grantee::regrole::text, a.privilege_type, a.is_grantable
           from pg_attribute t join pg_class c on c.oid = t.attrelid, aclexplode(t.attacl) a
           where c.relnamespace in ('public'::regnamespace, 'city'::regnamespace)"""
    )
    others = [row for row in rows if row["role"] != OWNER_ROLE]
    assert {row["role"] for row in others} == set(ROLES) - {OWNER_ROLE}, "and the public, which is '-', has no right"
    assert [row for row in others if row["more"]] == []
    changing = {(row["role"], row["place"], row["what"]) for row in others if row["what"] not in ("SELECT", "INSERT")}
    assert changing == {
        (SERVICE_ROLE, "rollup", "DELETE"),
        (SERVICE_ROLE, "rollup_block", "DELETE"),
        (SERVICE_ROLE, "request_nonce", "DELETE"),
    }
    inserting = {(row["role"], row["place"]) for row in others if row["what"] == "INSERT"}
    assert not inserting & {(SERVICE_ROLE, place) for place in APPENDED_BY_FUNCTIONS}
    assert {place for role, place in inserting if role == COMMAND_ROLE} == {"api_key", "api_key_revocation", "person"}
    assert {place for role, place in inserting if role == CITY_ROLE} == {"settlement_event"}
    assert {place for role, place in inserting if role == READER_ROLE} == set()


ACTOR_FOLLOWS = {"account_proposal": "from the batch of the fact, whose key was shown"}
"""Tables with an actor that nobody has to show to be: why."""


async def test_whoever_is_named_as_an_actor_has_shown_to_be_one(owner: asyncpg.Connection) -> None:
    """Each table to which a role of ours appends an actor has the trigger that asks for key or session."""
    rows = await owner.fetch(
        """select c.relname as place, exists (
               select from pg_trigger t where t.tgrelid = c.oid and t.tgfoid = 'decision_shown()'::regprocedure
               and t.tgtype = 7) as asked
           from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname in ('actor', 'key_name')
           where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
           and (has_table_privilege($1, c.oid, 'insert') or has_table_privilege($2, c.oid, 'insert'))""",
        SERVICE_ROLE, COMMAND_ROLE,
    )  # fmt: skip
    assert {row["place"] for row in rows if not row["asked"]} == {*ACTOR_FOLLOWS, "batch"}
    asked = await owner.fetchval(
        "select pg_get_triggerdef(oid) from pg_trigger where tgrelid = 'batch'::regclass and tgname = 'batch_shown'"
    )
    assert "BEFORE INSERT" in asked
    assert len(rows) > 10


@contextlib.asynccontextmanager
async def _undone(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """A transaction that is rolled back."""
    transaction = connection.transaction(isolation="read_committed")
    await transaction.start()
    try:
        yield
    finally:
        await transaction.rollback()
