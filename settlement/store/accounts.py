"""Proposals of bank accounts and what became of them; an event that is written decides, or the database refuses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import asyncpg

from meter.database.seal import seal_from_environment
from meter.registry.accounts import holder_differs, masked
from meter.registry.items import account_owner

_PROPOSALS = """select a.*, p.uscc, e.event, e.actor as decided_by, e.at as decided_at, e.note, e.holder_confirmed,
    case when e.id is null then account_on(p.uscc, suanbu_today()) else e.replaces end as before_id,
    (select f.name from entity_fact f where f.party = a.party order by f.batch desc, f.ordinal desc limit 1) as name
    from account_proposal a join party p on p.id = a.party left join account_event e on e.proposal = a.id"""
_STATUS = {None: "proposed", "approve": "approved", "reject": "rejected"}
_EVENT = {status: event for event, status in _STATUS.items()}


async def list_account_proposals(
    connection: asyncpg.Connection, status: str | None, uscc: str | None, after: int, limit: int
) -> list[dict[str, Any]]:
    """Return proposals in order of their numbers, with masked accounts; `status` is one of ACCOUNT_STATUSES."""
    rows = await connection.fetch(
        f"""with shown as ({_PROPOSALS}) select shown.*, before.account as before_account from shown
            left join account_proposal before on before.id = shown.before_id
            where shown.id > $1 and ($2::text is null or coalesce(shown.event, '') = $3)
            and ($4::text is null or shown.uscc = $4) order by shown.id limit $5""",
        after, status, (_EVENT.get(status) or "") if status else "", uscc, limit,
    )  # fmt: skip
    return [_shown(row) for row in rows]


async def account_proposal(connection: asyncpg.Connection, number: int) -> dict[str, Any] | None:
    """Return one proposal, or None."""
    found = await list_account_proposals(connection, None, None, number - 1, 1)
    return found[0] if found and found[0]["id"] == number else None


async def names_of(connection: asyncpg.Connection, codes: Sequence[str]) -> dict[str, str]:
    """Return code -> the latest name, of those of these entities that the registry knows."""
    rows = await connection.fetch(
        """select p.uscc, f.name from party p join lateral (select e.name from entity_fact e where e.party = p.id
           order by e.batch desc, e.ordinal desc limit 1) f on true where p.uscc = any($1::text[])""",
        list(codes),
    )
    return {row["uscc"]: row["name"] for row in rows}


async def insert_account_proposals_by_hand(
    connection: asyncpg.Connection, accounts: Sequence[tuple[str, str, str, bool]]
) -> int:
    """Propose accounts (code, sealed, masked, whether the holder is called otherwise) that are neither in force today
    nor wait already; how many. The database says who proposes, or refuses."""
    rows = await connection.fetch(
        """insert into account_proposal (party, account, masked, holder_differs, actor, at, digest)
           select p.id, a.account, a.masked, a.differs, '', now(), ''
           from unnest($1::text[], $2::text[], $3::text[], $4::boolean[]) as a (uscc, account, masked, differs)
           join party p on p.uscc = a.uscc
           where not exists (select from account_proposal known where known.party = p.id and known.account = a.account
               and (known.id = account_on(a.uscc, suanbu_today())
                    or not exists (select from account_event e where e.proposal = known.id)))
           order by a.uscc returning id""",
        *map(list, zip(*accounts, strict=True)),
    )
    return len(rows)


async def insert_account_event(
    connection: asyncpg.Connection, proposal: int, event: str, *, holder_confirmed: bool, note: str | None, actor: str
) -> None:
    """Approve or reject a proposal, once."""
    await connection.execute(
        """insert into account_event (proposal, event, holder_confirmed, actor, at, note)
           values ($1, $2, $3, $4, now(), $5)""",
        proposal, event, holder_confirmed, actor, note,
    )  # fmt: skip


def _shown(row: asyncpg.Record) -> dict[str, Any]:
    account, before = _plain(row["account"], row["uscc"]), _plain(row["before_account"], row["uscc"])
    name = row["name"] or ""
    return {
        "id": row["id"],
        "uscc": row["uscc"],
        "name": name,
        "status": _STATUS[row["event"]],
        "account_masked": masked(account) if account else row["masked"],
        "holder": account["holder"] if account else None,
        "holder_differs": row["holder_differs"] or (account is not None and holder_differs(account, name)),
        "replaces_masked": masked(before) if before else None,
        "account_sha256": row["digest"].removeprefix("sha256:"),
        "valid_from": row["valid_from"].isoformat() if row["valid_from"] else None,
        "valid_to": row["valid_to"].isoformat() if row["valid_to"] else None,
        "batch": row["batch"],
        "proposed_by": row["actor"],
        "proposed_at": row["at"].isoformat(),
        "decided_by": row["decided_by"],
        "decided_at": row["decided_at"].isoformat() if row["decided_at"] else None,
        "note": row["note"],
    }


def _plain(sealed: str | None, uscc: str) -> dict[str, str] | None:
    seal = seal_from_environment()
    if not sealed or seal is None:
        return None
    found: dict[str, str] = json.loads(seal.unseal(sealed, account_owner(uscc)))
    return found
