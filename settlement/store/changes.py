"""What changed behind a settlement since it was run: facts, corrections, and accounts, with who recorded them."""

from __future__ import annotations

import json
from typing import Any

import asyncpg

from meter.database.seal import seal_from_environment
from meter.registry.accounts import masked
from meter.registry.items import account_owner

ACCOUNTS_SHOWN = 100
# any line may have used any facility and chip; the other facts are those about the parties of its lines
_CHANGES = """
with run as (select id, as_of from settlement where id = $1),
parties as not materialized ( -- looked up for what changed, which is little beside the lines
    select p.id, p.uscc from settlement_line l join party p on p.uscc = l.uscc where l.settlement = $1
),
changed as (
    select f.batch, f.ordinal, 'entities' as kind, p.uscc as subject, f.content, null::bigint as records
    from run join entity_fact f on f.batch > run.as_of join parties p on p.id = f.party
    union all
    select f.batch, f.ordinal, 'holdings', h.uscc || '>' || d.uscc, f.content, null
    from run join holding_fact f on f.batch > run.as_of join party h on h.id = f.holder join party d on d.id = f.held
    where f.held in (select id from parties) or f.holder in (select id from parties)
    union all
    select f.batch, f.ordinal, 'expenditures', f.id, f.content, null
    from run join expenditure_fact f on f.batch > run.as_of join parties p on p.id = f.consumer
    union all
    select f.batch, f.ordinal, 'facilities', d.code, f.content, null
    from run join facility_fact f on f.batch > run.as_of join facility d on d.id = f.facility
    union all
    select f.batch, f.ordinal, 'chips', d.code, f.content, null
    from run join chip_fact f on f.batch > run.as_of join chip d on d.id = f.chip
    union all
    select e.batch, 0, 'corrections', null, null, count(*)
    from run join entry e on e.batch > run.as_of join parties p on p.id = e.consumer
    where e.action <> 0 group by e.batch
)
select c.*, batch_actor(b.key_name) as actor, b.recorded_at from changed c join batch b on b.batch = c.batch
where (c.batch, c.ordinal) > ($2::bigint, $3::bigint) order by c.batch, c.ordinal limit $4"""
_ACCOUNTS = """
with approval as (select max(id) as id from settlement_event where settlement = $1 and event = 'approve'),
waiting as (
    select distinct p.uscc from account_proposal w join party p on p.id = w.party
    where not exists (select from account_event e where e.proposal = w.id)
),
found as (
    select n.uscc, p.account, was.account as approved, a.event is not null as was_approved, w.uscc is not null as waits
    from settlement_accounts_now($1) n
    left join account_proposal p on p.id = n.proposal left join waiting w on w.uscc = n.uscc
    left join approval on true left join settlement_account a on a.event = approval.id and a.uscc = n.uscc
    left join account_proposal was on was.id = a.proposal
),
shown as (
    select *, count(*) over () as lines from found
    where account is null or waits or was_approved and account is distinct from approved
    order by uscc limit $2
)
select shown.*, l.name from shown join settlement_line l on l.settlement = $1 and l.uscc = shown.uscc
order by shown.uscc"""


async def list_changes(
    connection: asyncpg.Connection, settlement: str, after: tuple[int, int], limit: int
) -> list[dict[str, Any]]:
    """Return what was recorded after the settlement's batch about its lines, in order of recording after (batch,
    ordinal).

    The record of an entity, a holding, an expenditure, any facility or chip; and how many records of its consumers a
    delivery corrected.
    """
    rows = await connection.fetch(_CHANGES, settlement, *after, limit)
    return [
        {
            "kind": row["kind"],
            "batch": row["batch"],
            "ordinal": row["ordinal"],
            "subject": row["subject"],
            "recorded_by": row["actor"],
            "recorded_at": row["recorded_at"].isoformat(),
            "fact": json.loads(row["content"]) if row["content"] else None,
            "records": row["records"],
        }
        for row in rows
    ]


async def changed_accounts(connection: asyncpg.Connection, settlement: str) -> dict[str, Any]:
    """Return how many payable lines have no account, one that waits, or another than was approved.

    And the first of them.
    """
    rows = await connection.fetch(_ACCOUNTS, settlement, ACCOUNTS_SHOWN)
    return {
        "lines": rows[0]["lines"] if rows else 0,
        "first": [
            {
                "uscc": row["uscc"],
                "name": row["name"],
                "account_masked": _masked(row["account"], row["uscc"]),
                "approved_masked": _masked(row["approved"], row["uscc"]),
                "changed": row["was_approved"] and row["account"] != row["approved"],
                "waits": row["waits"],
            }
            for row in rows
        ],
    }


def _masked(sealed: str | None, uscc: str) -> str | None:
    seal = seal_from_environment()
    if not sealed or seal is None:
        return None
    return masked(json.loads(seal.unseal(sealed, account_owner(uscc))))
