"""Reading the registry back: as frames for the settlement, as a value for the intake, as lists, and for verifying."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import asyncpg
import polars as pl

from meter.database.copy import frame
from meter.days import LAST_DATE, day_number
from meter.intake.registry_view.catalogue import DatedCode
from meter.intake.registry_view.registered import Registered

_SEQ = "(f.batch << 20 | f.ordinal)"  # a request has at most 10,000 items: the order of recording in one number


def _day(column: str) -> str:
    """A date as the number of its day; the driver writes the last date that there is as the end of all dates."""
    last = f"case when {column} = 'infinity' then date '{LAST_DATE}' else {column} end"
    return f"({last}) - date '1970-01-01'"


_DAYS = f"{_day('f.valid_from')}, {_day('f.valid_to')}"
_PERIOD = {"valid_from": pl.Int32, "valid_to": pl.Int32}

FRAMES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "entity_facts": (
        f"""select {_SEQ}, f.party, f.name, f.kind, f.independent_legal_person::int, f.region, f.ai_enterprise::int,
            f.state_body::int, {_DAYS} from entity_fact f""",
        {
            "seq": pl.Int64, "party": pl.Int32, "name": pl.String, "kind": pl.String,
            "independent_legal_person": pl.Boolean, "region": pl.String, "ai_enterprise": pl.Boolean,
            "state_body": pl.Boolean, **_PERIOD,
        },
    ),
    "facility_facts": (
        f"select {_SEQ}, f.facility, f.name, f.region, f.intelligent::int, f.operator, {_DAYS} from facility_fact f",
        {
            "seq": pl.Int64, "facility": pl.Int32, "name": pl.String, "region": pl.String, "intelligent": pl.Boolean,
            "operator": pl.Int32, **_PERIOD,
        },
    ),
    "facility_owners": (
        f"select {_SEQ}, f.party, (f.share * 1000000000)::bigint from facility_owner f",
        {"seq": pl.Int64, "party": pl.Int32, "share_billionths": pl.Int64},
    ),
    "chip_facts": (
        f"select {_SEQ}, f.chip, (f.tflops_fp16 * 1000000)::bigint, {_DAYS} from chip_fact f",
        {"seq": pl.Int64, "chip": pl.Int32, "megaflops_fp16": pl.Int64, **_PERIOD},
    ),
    "holding_facts": (
        f"select {_SEQ}, f.holder, f.held, (f.share * 1000000000)::bigint, {_DAYS} from holding_fact f",
        {"seq": pl.Int64, "holder": pl.Int32, "held": pl.Int32, "share_billionths": pl.Int64, **_PERIOD},
    ),
    "expenditure_facts": (
        f"""select {_SEQ}, f.id, f.consumer, f.kind, {_day("f.served_from")}, {_day("f.served_to")},
            f.amount_fen from expenditure_fact f""",
        {
            "seq": pl.Int64, "id": pl.String, "consumer": pl.Int32, "kind": pl.String, "served_from": pl.Int32,
            "served_to": pl.Int32, "amount_fen": pl.Int64,
        },
    ),
}  # fmt: skip

DICTIONARIES: Mapping[str, tuple[str, str]] = {
    "parties": ("party", "uscc"),
    "facilities": ("facility", "code"),
    "chips": ("chip", "code"),
}


async def facts_as_of(connection: asyncpg.Connection, batch: int) -> dict[str, pl.DataFrame]:
    """Return all facts known up to and including `batch`, as frames by the names of FRAMES, each in order of recording.

    Parties, facilities and chips stand as the database's own numbers; days are days since 1970-01-01; shares are
    billionths; ratings are MFLOPS.
    """
    return {
        name: await frame(connection, f"{query} where f.batch <= {int(batch)} order by 1", schema)
        for name, (query, schema) in FRAMES.items()
    }


async def dictionary(connection: asyncpg.Connection, name: str) -> pl.DataFrame:
    """Return a dictionary of DICTIONARIES as a frame: number, code."""
    table, column = DICTIONARIES[name]
    return await frame(connection, f"select id, {column} from {table}", {"number": pl.Int32, "code": pl.String})


async def registered_as_of(connection: asyncpg.Connection, batch: int) -> Registered:
    """Return what the intake needs to know, as of the registry batch `batch`."""
    rules = await rules_as_of(connection, batch)
    parties = await dictionary(connection, "parties")
    return rules.extended(batch, party_codes=parties["code"].to_list(), party_numbers=parties["number"].to_list())


async def rules_as_of(connection: asyncpg.Connection, batch: int) -> Registered:
    """Return what the intake needs to know but for the parties, of which none is in it."""
    facilities = await connection.fetch(
        """select d.code, d.id, f.valid_from, f.valid_to from facility_fact f join facility d on d.id = f.facility
           where f.batch <= $1 order by f.batch, f.ordinal""",
        batch,
    )
    chips = await connection.fetch(
        """select d.code, d.id, f.valid_from, f.valid_to from chip_fact f join chip d on d.id = f.chip
           where f.batch <= $1 order by f.batch, f.ordinal""",
        batch,
    )
    return Registered.of(batch, [_dated(row) for row in facilities], [_dated(row) for row in chips])


def _dated(row: asyncpg.Record) -> DatedCode:
    starts = None if row["valid_from"] is None else day_number(row["valid_from"])
    ends = None if row["valid_to"] is None else day_number(row["valid_to"])
    return DatedCode(row["code"], row["id"], starts, ends)


async def batch_at(connection: asyncpg.Connection, moment: datetime) -> int:
    """Return the last batch recorded at or before an instant: what was known then."""
    return int(await connection.fetchval("select coalesce(max(batch), 0) from batch where recorded_at <= $1", moment))


async def capacities_as_of(connection: asyncpg.Connection, batch: int) -> list[tuple[int, list[dict[str, Any]]]]:
    """Return what each facility fact up to a batch registers as capacity, where it does: seq and its items."""
    rows = await connection.fetch(
        """select (batch << 20 | ordinal) as seq, capacity from facility_fact
           where batch <= $1 and jsonb_array_length(coalesce(capacity, '[]')) > 0""",
        batch,
    )
    return [(row["seq"], row["capacity"]) for row in rows]


_LISTS: Mapping[str, str] = {
    "entities": "select f.batch, f.ordinal, f.content from entity_fact f join party d on d.id = f.party",
    "facilities": "select f.batch, f.ordinal, f.content from facility_fact f join facility d on d.id = f.facility",
    "chips": "select f.batch, f.ordinal, f.content from chip_fact f join chip d on d.id = f.chip",
    "holdings": "select f.batch, f.ordinal, f.content from holding_fact f",
    "expenditures": "select f.batch, f.ordinal, f.content from expenditure_fact f",
}


async def list_facts(
    connection: asyncpg.Connection,
    kind: str,
    as_of: int,
    after: tuple[int, int],
    limit: int,
    *,
    uscc: str | None = None,
) -> list[tuple[int, int, str]]:
    """Return up to `limit` facts of a kind in order of recording after (batch, ordinal): batch, ordinal, the item as
    JSON.

    `uscc` leaves those about one entity; only entities are asked for so.
    """
    assert uscc is None or kind == "entities"
    about = "and d.uscc = $5" if uscc is not None else ""
    rows = await connection.fetch(
        f"""{_LISTS[kind]} where f.batch <= $1 and (f.batch, f.ordinal) > ($2::bigint, $3::bigint) {about}
            order by f.batch, f.ordinal limit $4""",
        as_of, *after, limit, *([uscc] if uscc is not None else []),
    )  # fmt: skip
    return [(row["batch"], row["ordinal"], row["content"]) for row in rows]


_VALID = "f.valid_from, f.valid_to"
# kind -> what its items say, and where it is stored
STORED: Mapping[str, tuple[str, str]] = {
    "entities": (
        f"""p.uscc, f.name, f.kind, f.independent_legal_person, f.region, f.ai_enterprise, f.state_body, {_VALID},
        f.bank_account as account""",
        "entity_fact f left join party p on p.id = f.party",
    ),
    "facilities": (
        f"""d.code as id, f.name, f.region, f.intelligent, o.uscc as operator, f.capacity::text as capacity, {_VALID},
        (select json_agg(json_build_object('uscc', p.uscc, 'share', w.share::text)) from facility_owner w
         left join party p on p.id = w.party where w.batch = f.batch and w.ordinal = f.ordinal)::text as owners""",
        "facility_fact f left join facility d on d.id = f.facility left join party o on o.id = f.operator",
    ),
    "chips": (
        f"d.code as chip, f.tflops_fp16, f.source, {_VALID}",
        "chip_fact f left join chip d on d.id = f.chip",
    ),
    "holdings": (
        'h.uscc as holder, p.uscc as held, f.share, f.document, f.valid_from as "from", f.valid_to as "to"',
        "holding_fact f left join party h on h.id = f.holder left join party p on p.id = f.held",
    ),
    "expenditures": (
        "f.id, p.uscc as consumer, f.kind, f.served_from, f.served_to, f.amount_fen, f.document",
        "expenditure_fact f left join party p on p.id = f.consumer",
    ),
    "control_totals": (
        "f.day, f.records, f.charge_fen, f.source = b.source as said_by",
        "control_total f join batch b on b.batch = f.batch",
    ),
}


async def stored_facts(connection: asyncpg.Connection, kind: str, after: int, last: int) -> list[asyncpg.Record]:
    """Return the facts of a kind of STORED as their columns have them, for the batches after `after` up to `last`."""
    columns, tables = STORED[kind]
    rows = await connection.fetch(
        f"""select {columns}, f.batch as in_batch, f.ordinal as in_place, f.content as as_said from {tables}
            where f.batch > $1 and f.batch <= $2 order by f.batch, f.ordinal""",
        after, last,
    )  # fmt: skip
    return list(rows)


_LOCAL_DAY = "(started_at at time zone 'UTC' + interval '8 hours')::date"
# a correction takes the corrected record back on the corrected record's own day; only its own source can correct it
RECORDED = f"""
select source, day, sum(records) as records, sum(charge_fen) as charge_fen from (
    select source, {_LOCAL_DAY} as day, count(*) as records, sum(charge_fen) as charge_fen
    from entry where started_at >= $1 and started_at < $2 and action <> 2 group by 1, 2
    union all
    select source, {_LOCAL_DAY}, -count(*), -sum(charge_fen)
    from reversal join batch using (batch) where started_at >= $1 and started_at < $2 group by 1, 2
) parts group by source, day"""
_DECLARED = """
select distinct on (source, day) source, day, records, charge_fen from control_total
where day >= $1 and day < $2 order by source, day, batch desc, ordinal desc"""


async def sources(connection: asyncpg.Connection) -> dict[int, str]:
    """Return the name of every source by its number."""
    return {row["id"]: row["name"] for row in await connection.fetch("select id, name from source")}


async def declared(connection: asyncpg.Connection, first: date, end: date) -> list[asyncpg.Record]:
    """Return what each source said last about each of the days [first, end): source, day, records, charge_fen."""
    return list(await connection.fetch(_DECLARED, first, end))


async def recorded(connection: asyncpg.Connection, first: datetime, end: datetime) -> list[asyncpg.Record]:
    """Return the records that count and start in [first, end), by source and local day: source, day, records,
    charge_fen."""
    return list(await connection.fetch(RECORDED, first, end))
