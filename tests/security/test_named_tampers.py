"""Forty tampers by the owner of the database after a checkpoint, each found, with table, key and what differs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from meter.database.roles import COMMAND_ROLE
from meter.registry.proof import facts_of_batches
from meter.registry.queries import rules_as_of
from migrations.reference import expected_schema
from settlement.checkpoint.check import check
from tests.security.conftest import Busy
from tests.security.tampering import Owner, owner_connection

PAID = "(select min(id) from payout_instruction where status = 'paid')"
READY = "(select max(id) from payout_instruction)"
OPEN = "(select min(id) from clawback_claim where status = 'open')"
FIRST = "'anhui-2026-0001'"
LINE = f'(select min(uscc collate "C") from settlement_line where settlement = {FIRST} and payable_fen > 0)'

# what is done, in which table it is found (a schema's object: by name), and which column or what became of the row
TAMPERS: dict[str, tuple[str, str, str]] = {
    "an instruction is paid again under another reference": (
        f"update payout_instruction set status = 'ready', reference = 'SB-again', issue = 2 where id = {PAID}",
        "payout_instruction", "status",
    ),
    "its amount": (
        f"update payout_instruction set amount_fen = amount_fen * 2 where id = {READY}", "payout_instruction",
        "amount_fen",
    ),
    "its account": (
        f"update payout_instruction set account = (select account from payout_instruction where id <> {READY} limit 1) "
        f"where id = {READY}", "payout_instruction", "account",
    ),
    "whom it pays": (
        f"update payout_instruction set uscc = '91340100MA0000001K' where id = {READY}", "payout_instruction",
        "inserted",
    ),
    "when its lease ends": (
        f"update payout_instruction set leased_until = now() + interval '9 years', fence = 99 where id = {READY}",
        "payout_instruction", "fence",
    ),
    "an instruction is gone": (f"delete from payout_instruction where id = {READY}", "payout_instruction", "missing"),
    "what the bank moved": (
        "update payout_event set moved_fen = moved_fen - 1 where moved_fen > 0", "payout_event", "moved_fen",
    ),
    "the bank's reference": (
        "update payout_event set bank_reference = bank_reference || 'x' where moved_fen > 0", "payout_event",
        "bank_reference",
    ),
    "who said that it was paid": (
        "update payout_event set actor = 'key:another' where after = 'paid'", "payout_event", "actor",
    ),
    "a clawback waived": (f"update clawback_claim set status = 'waived' where id = {OPEN}", "clawback_claim", "status"),
    "a clawback lowered": (
        f"update clawback_claim set amount_fen = amount_fen - 1 where id = {OPEN}", "clawback_claim", "amount_fen",
    ),
    "a clawback recovered": (
        f"update clawback_claim set recovered_fen = amount_fen where id = {OPEN}", "clawback_claim", "recovered_fen",
    ),
    "clawbacks and what was said about them are gone": (
        "delete from claim_event; delete from clawback_claim", "clawback_claim", "missing",
    ),
    "who approved a clawback": (
        "update claim_event set actor = 'key:another' where event = 'approve'", "claim_event", "actor",
    ),
    "how much was approved of it": (
        "update claim_event set amount_fen = amount_fen + 1 where event = 'approve'", "claim_event", "amount_fen",
    ),
    "a settlement's receipt": (
        f"update settlement set receipt = receipt || '{{\"code\": \"other\"}}' where id = {FIRST}", "settlement",
        "receipt",
    ),
    "who ran it": (f"update settlement set run_by = 'key:another' where id = {FIRST}", "settlement", "run_by"),
    "when it was run": (
        f"update settlement set created_at = created_at - interval '1 day' where id = {FIRST}", "settlement",
        "created_at",
    ),
    "its state": (f"update settlement set status = 'cancelled' where id = {FIRST}", "settlement", "status"),
    "its totals": (f"update settlement set totals = '{{}}' where id = {FIRST}", "settlement", "totals"),
    "which digest was approved": (
        "update settlement_event set detail = detail || '{\"digest\": \"sm3:other\"}' where event = 'approve'",
        "settlement_event", "detail",
    ),
    "which lines were approved": (
        "update settlement_event set detail = detail || '{\"lines_sha256\": \"sha256:other\"}' where event = 'approve'",
        "settlement_event", "detail",
    ),
    "what was noted with the approval": (
        "update settlement_event set detail = detail || '{\"note\": \"all well\"}' where event = 'approve'",
        "settlement_event", "detail",
    ),
    "when it was reviewed": (
        "update settlement_event set at = at - interval '1 hour' where event = 'review'", "settlement_event", "at",
    ),
    "for which city": ("update settlement_event set city = '340200' where event = 'review'", "settlement_event",
        "city"),
    "a line's amount": (
        f"update settlement_line set payable_fen = payable_fen + 1, award_fen = award_fen + 1 "
        f"where settlement = {FIRST} and uscc = {LINE}", "settlement_line", "award_fen, payable_fen",
    ),
    "a line is gone": (
        f"delete from settlement_line where settlement = {FIRST} and uscc = {LINE}", "settlement_line", "missing",
    ),
    "to which account a line was approved": (
        "update settlement_account set proposal = (select max(id) from account_proposal) "
        f"where uscc = {LINE}", "settlement_account", "proposal",
    ),
    "an account that waits counts as approved": (
        "insert into account_event (proposal, event, holder_confirmed, actor, at) "
        "select max(id), 'approve', true, 'key:another', now() from account_proposal", "account_event", "inserted",
    ),
    "a proposal names another account": (
        "update account_proposal set account = account || 'x'", "account_proposal", "account",
    ),
    "a key's scopes": (
        "update api_key set scopes = scopes || array['settlement:approve'] where id = 1", "api_key", "scopes",
    ),
    "a key is inserted": (
        "insert into api_key (prefix, secret_digest, name, scopes, created_at, signed) "
        "values ('0123456789ab', sha256('mine'), 'mine', array['settlement:approve'], now(), false)",
        "api_key", "inserted",
    ),
    "a key's secret": ("update api_key set secret_digest = sha256('mine') where id = 1", "api_key", "secret_digest"),
    "a revocation is gone": ("delete from api_key_revocation", "api_key_revocation", "missing"),
    "a person's role": ("update person set role = 'approver' where name = 'Wang'", "person", "role"),
    "a person's password": ("update person set password_hash = '$argon2id$x' where name = 'Zhao'", "person",
        "password_hash"),
    "that somebody was shut out": ("delete from person_event where event = 'disable'", "person_event", "missing"),
    "a session that nobody opened": (
        "insert into login select sha256('mine'), person, now(), now() + interval '8 hours', now(), now(), totp_step "
        "from login limit 1", "login", "inserted",
    ),
    "a session that ended": ("delete from logout", "logout", "missing"),
    "findings are gone": ("delete from finding", "finding", "missing"),
    "what was released from quarantine": ("delete from quarantine_release", "quarantine_release", "missing"),
    "why a record was refused": ("update quarantine set code = 'other', detail = 'fine'", "quarantine", "code, detail"),
    "an entity's attestation": ("update entity_fact set ai_enterprise = not ai_enterprise", "entity_fact",
        "ai_enterprise"),
    "what a run released": ("update payout_run set sum_fen = sum_fen + 1", "payout_run", "sum_fen"),
    "what a batch says of its body": ("update batch_body set content_type = 'other'", "batch_body", "content_type"),
    "the table of transitions": (
        "insert into settlement_transition values ('lock', 'computed', 'locked')",
        "rows settlement_transition lock computed locked", "inserted",
    ),
    "a trigger is disabled": (
        "alter table payout_instruction disable trigger payout_guard", "trigger public.payout_instruction.payout_guard",
        "changed",
    ),
    "a guard is replaced": (
        "create or replace function settlement_guard() returns trigger language plpgsql "
        "set search_path = pg_catalog, public, pg_temp as 'begin return new; end'",
        "function public.settlement_guard()",
        "changed",
    ),
    "the clock is replaced": (
        "create or replace function suanbu_now() returns timestamptz language sql volatile "
        "return '2020-01-01'::timestamptz", "function public.suanbu_now()", "changed",
    ),
    "a check is dropped": (
        "alter table clawback_claim drop constraint clawback_claim_clawback_claim_amounts_check_check",
        "constraint public.clawback_claim.clawback_claim_clawback_claim_amounts_check_check", "missing",
    ),
    "a policy": ("drop policy scope on settlement_line", "policy public.settlement_line.scope", "missing"),
    "a right": ("grant delete on audit to suanbu_service", "table public.audit", "changed"),
    "a trigger of one's own": (
        "create trigger mine before insert on payout_instruction for each row execute function suanbu_kept()",
        "trigger public.payout_instruction.mine", "inserted",
    ),
    "a rule of one's own": (
        "create rule mine as on insert to audit do instead nothing", "rule public.audit.mine", "inserted",
    ),
    "a role": ("alter role suanbu_service createrole", "role suanbu_service", "changed"),
}  # fmt: skip


@pytest_asyncio.fixture
async def owner_of_it(busy: Busy) -> AsyncIterator[Owner]:
    """Who owns the busy province's database."""
    owner = await Owner.of(busy.url, busy.made.checkpoint, busy.made.marks)
    yield owner
    await owner.connection.close()


def test_there_are_forty_and_more() -> None:
    assert len(TAMPERS) >= 40


@pytest.mark.parametrize("tamper", list(TAMPERS))
async def test_a_tamper_is_found_and_located(owner_of_it: Owner, tamper: str) -> None:
    sql, table, what = TAMPERS[tamper]

    async def do(connection: asyncpg.Connection) -> None:
        await connection.execute(sql)

    found = await owner_of_it.found_after(do)
    located = [one for one in found if one.where == table or one.where.startswith(f"{table} [")]
    assert any(one.what == what for one in located), [f"{one.where}: {one.what}" for one in found[:8]]


async def test_what_was_not_touched_raises_no_alarm(owner_of_it: Owner) -> None:
    assert await owner_of_it.verify() == []


async def test_the_command_line_s_own_role_sees_enough_to_verify(busy: Busy) -> None:
    """It reads no secret of a key or person, and sees that one was changed."""
    connection = await owner_connection(busy.url)
    await connection.execute(f"set role {COMMAND_ROLE}")
    expected = await expected_schema(connection)
    found = await check(
        connection, busy.made.checkpoint, read_facts=facts_of_batches, read_rules=rules_as_of, expected=expected
    )
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.fetch("select password_hash from person")
    await connection.close()
    assert found == []


async def test_what_is_done_after_a_checkpoint_is_found_where_it_contradicts_the_log(busy: Busy) -> None:
    """Without any checkpoint in hand: what the log, the lines and the events say is enough for most of it."""
    owner = await Owner.of(busy.url, busy.made.checkpoint, None)
    owner.checkpoint = None
    missed = []
    for tamper, (sql, table, _) in TAMPERS.items():

        async def do(connection: asyncpg.Connection, said: str = sql) -> None:
            await connection.execute(said)

        found = await owner.found_after(do)
        if not any(one.where.startswith(table) for one in found):
            missed.append(tamper)
    await owner.connection.close()
    assert missed == []
