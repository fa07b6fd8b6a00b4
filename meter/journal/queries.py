"""What the journal holds, for people: one record's whole life, a batch's receipt, the quarantine."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any
from uuid import UUID

import asyncpg
import zstandard

from meter.intake.codes import MEANING, Code
from meter.intake.receive import document_of
from meter.journal.keys.known_keys import KnownKeys
from meter.journal.rows.layout import RECORD, VOID
from meter.vocabulary import ACTIONS, PROBE_SOURCE, PURPOSES, USAGE_KINDS

REPLAY_RECORDS = 10_000
UNDER_ONE_ID_MOST = 100  # of what came under one id and was not accepted
REPLAY_BYTES = 24 * 1024 * 1024
PAGE_BYTES = 4 * 1024 * 1024  # of records in one portion of the quarantine; one record alone may be longer
_EVENT_TYPES = ("application/cloudevents+json", "application/cloudevents-batch+json")
_PURPOSES = {0: None, **{number: word for word, number in PURPOSES.items()}}
_ACTIONS = {0: None, **{number: word for word, number in ACTIONS.items()}}


def key_of(source: int, record_id: str) -> bytes:
    """Return the key (16 bytes) under which a source's record stands."""
    return hashlib.blake2s(record_id.encode(), digest_size=16, salt=source.to_bytes(8, "little")).digest()


async def find_record(
    connection: asyncpg.Connection, keys: KnownKeys, source: str, record_id: str
) -> dict[str, Any] | None:
    """Return a record, its batch, what it corrects, what corrects it, what else came under its id; None when there is
    none.

    Brings `keys` up to the journal first: what another machine has just recorded is found too.
    """
    number = await connection.fetchval("select id from source where name = $1", source)
    if number is None:
        return None
    await keys.follow(connection)
    row = await _entry(connection, keys, key_of(number, record_id))
    if row is None:
        return None
    correction = await connection.fetchrow(
        "select e.batch, e.ordinal, e.key, e.action from entry e join reversal r on r.batch = e.batch "
        "and r.ordinal = e.ordinal where r.key = $1",
        row["key"],
    )
    shown = {
        "source": source,
        "id": record_id,
        "batch": row["batch"],
        "recorded_at": row["recorded_at"].isoformat(),
        "counts": row["action"] != VOID and correction is None,
        "record": await as_received(connection, row["batch"], row["ordinal"]),
        "corrected_by": None,
        "corrects": None,
        "quarantine": await _quarantined_under(connection, number, record_id),
    }
    if row["action"] != VOID:
        shown["recorded"] = {
            "consumer": row["uscc"],
            "facility": row["facility_code"],
            "chip": row["chip_code"],
            "cards": _thousandths(row["millicards"]),
            "started_at": row["started_at"].isoformat(),
            "ended_at": row["ended_at"].isoformat(),
            "charge_fen": row["charge_fen"],
            "purpose": _PURPOSES[row["purpose"]],
            "via_platform": row["via_platform"],
        }
    if correction is not None:
        text = await as_received(connection, correction["batch"], correction["ordinal"])
        shown["corrected_by"] = {
            "id": _id_of(text),
            "batch": correction["batch"],
            "action": _ACTIONS[correction["action"]],
        }
    if row["action"] != RECORD:
        first = await _entry(connection, keys, row["corrects"].bytes)
        assert first is not None, "a correction without what it corrects"
        text = await as_received(connection, first["batch"], first["ordinal"])
        shown["corrects"] = {"id": _id_of(text), "batch": first["batch"], "action": _ACTIONS[row["action"]]}
    return shown


async def _entry(connection: asyncpg.Connection, keys: KnownKeys, key: bytes) -> asyncpg.Record | None:
    for first, last in keys.batches_of(key):
        row = await connection.fetchrow(
            """select e.*, b.recorded_at, p.uscc, f.code as facility_code, c.code as chip_code from entry e
               join batch b on b.batch = e.batch left join party p on p.id = e.consumer
               left join facility f on f.id = e.facility left join chip c on c.id = e.chip
               where e.key = $1 and e.batch between $2 and $3""",
            UUID(bytes=key), first, last,
        )  # fmt: skip
        if row is not None:
            return row
    return None


async def _quarantined_under(connection: asyncpg.Connection, source: int, record_id: str) -> list[dict[str, Any]]:
    """Return what came under an id and was not accepted, oldest first: other versions, and tries that were refused.

    `released_in` is the batch in which a replay recorded a try after all.
    """
    rows = await connection.fetch(
        """select q.id, q.batch, q.status, q.code, q.detail, r.batch as released_in from quarantine q
           left join quarantine_release r on r.quarantine = q.id
           where q.record_id = $1 and q.source = $2 order by q.id limit $3""",
        record_id, source, UNDER_ONE_ID_MOST,
    )  # fmt: skip
    names = ("batch", "status", "code", "detail", "released_in")
    return [{"quarantine": row["id"], **{name: row[name] for name in names}} for row in rows]


async def as_received(connection: asyncpg.Connection, batch: int, ordinal: int) -> Any:
    """Return the record as its source wrote it, out of the body that was kept."""
    row = await connection.fetchrow("select content_type, codec, body from batch_body where batch = $1", batch)
    # in a thread: a body may have 32 MiB, and others are answered meanwhile
    return await asyncio.to_thread(_record_of, row["content_type"], row["codec"], row["body"], ordinal)


def _record_of(content_type: str, codec: str, body: bytes, ordinal: int) -> Any:
    whole = zstandard.decompress(body) if codec == "zstd" else body
    return json.loads(document_of(whole, content_type).verbatim(ordinal))


def _id_of(record: Any) -> str | None:
    return record.get("id") if isinstance(record, dict) else None


def _thousandths(millicards: int) -> str:
    whole, rest = divmod(millicards, 1000)
    return f"{whole}.{rest:03d}".rstrip("0").rstrip(".")


async def batch_receipt(connection: asyncpg.Connection, batch: int) -> dict[str, Any] | None:
    """Return a batch's receipt: counts, digest and what of it is in quarantine; None when there is none."""
    row = await connection.fetchrow(
        "select b.*, s.name as source_name from batch b left join source s on s.id = b.source where b.batch = $1", batch
    )
    if row is None:
        return None
    quarantined = await connection.fetch(
        "select ordinal, record_id, status, code, detail from quarantine where batch = $1 order by ordinal", batch
    )
    return {
        "batch": row["batch"],
        "kind": row["kind"],
        "source": row["source_name"],
        "recorded_at": row["recorded_at"].isoformat(),
        **{name: row[name] for name in ("received", "accepted", "duplicate", "conflict", "refused")},
        "digest": f"{row['algorithm']}:{row['digest'].hex()}",
        "contents": json.loads(row["contents"]),
        "results": [
            {"index": r["ordinal"], "id": r["record_id"], "status": r["status"], "code": r["code"],
             "detail": r["detail"]}
            for r in quarantined
        ],
    }  # fmt: skip


async def quarantined(
    connection: asyncpg.Connection, status: str | None, after: int, limit: int, longest_bytes: int = 2**31 - 1
) -> list[dict[str, Any]]:
    """Return what waits for a person, oldest first; of a record longer than `longest_bytes` its beginning."""
    rows = await connection.fetch(
        f"""select q.id, q.batch, q.ordinal, q.record_id, q.status, q.code, q.detail, s.name as source_name,
            substring(q.record from 1 for $4) as record, octet_length(q.record) as record_bytes
            from quarantine q join source s on s.id = q.source where {_WAITING} order by q.id limit $3""",
        after, status, limit, longest_bytes,
    )  # fmt: skip
    return [
        {
            "quarantine": row["id"],
            "batch": row["batch"],
            "index": row["ordinal"],
            "source": row["source_name"],
            "id": row["record_id"],
            "status": row["status"],
            "code": row["code"],
            "detail": row["detail"],
            "record": row["record"].decode("utf-8", "replace"),
            "record_bytes": row["record_bytes"],
        }
        for row in rows
    ]


async def fitting(connection: asyncpg.Connection, status: str | None, after: int, limit: int) -> int:
    """Return how many of the next `limit` records of the quarantine are one portion: PAGE_BYTES or little more, or
    one."""
    found = await connection.fetchval(
        f"""select count(*) from (select sum(octet_length(q.record)) over (order by q.id) - octet_length(q.record)
            as before from quarantine q where {_WAITING} order by q.id limit $3) next where before < $4""",
        after, status, limit, PAGE_BYTES,
    )  # fmt: skip
    return max(1, int(found))


_WAITING = """q.id > $1 and ($2::text is null or q.status = $2)
    and not exists (select from quarantine_release r where r.quarantine = q.id)"""


@dataclass(frozen=True)
class Portion:
    """Quarantined records to try again in one delivery: (number, record as received), all of one content type."""

    content_type: str
    records: list[tuple[int, bytes]]


async def waiting_by_code(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """Return the records in quarantine that nobody has released: status, code, records, and since when the oldest."""
    rows = await connection.fetch(
        """select q.status, q.code, count(*) as records, min(b.recorded_at) as since
           from quarantine q join batch b using (batch) where not exists
           (select from quarantine_release r where r.quarantine = q.id) group by q.status, q.code"""
    )
    return list(rows)


async def last_recorded_at(connection: asyncpg.Connection) -> datetime | None:
    """Return when the last delivery of usage was recorded, the probe's aside; None where there is none."""
    query = f"""select recorded_at from batch where kind = any($1::text[])
        and source is distinct from (select id from source where name = '{PROBE_SOURCE}') order by batch desc limit 1"""
    found: datetime | None = await connection.fetchval(query, list(USAGE_KINDS))
    return found


async def last_quarantined(connection: asyncpg.Connection) -> int:
    """Return the number of the newest record in quarantine, 0 when there is none."""
    return int(await connection.fetchval("select coalesce(max(id), 0) from quarantine"))


async def replayable(connection: asyncpg.Connection, source: int, after: int, last: int) -> Portion | None:
    """Return the next refused records of a source, numbered after..last, that may have become acceptable.

    None at the end.
    """
    codes = [str(code) for code in Code if MEANING[code].may_become_acceptable] + ["corrects_unknown_record"]
    rows = await connection.fetch(
        """select id, record, content_type from (
               select q.id, q.record, b.content_type, sum(octet_length(q.record) + 1) over (order by q.id) as bytes
               from quarantine q join batch_body b on b.batch = q.batch
               where q.source = $1 and q.id > $2 and q.id <= $3 and q.status = 'refused' and q.code = any($4::text[])
               and not exists (select from quarantine_release r where r.quarantine = q.id)
               order by q.id limit $5) next
           where bytes <= $6 order by id""",
        source, after, last, codes, REPLAY_RECORDS, REPLAY_BYTES,
    )  # fmt: skip
    if not rows:
        return None
    content_type = _replayed_as(rows[0])
    alike = takewhile(lambda row: _replayed_as(row) == content_type, rows)
    return Portion(content_type, [(row["id"], bytes(row["record"])) for row in alike])


def _replayed_as(row: asyncpg.Record) -> str:
    """Return the content type under which a record is tried again: events as events, the others as plain JSON."""
    event = row["content_type"].split(";")[0].strip().lower() in _EVENT_TYPES
    return _EVENT_TYPES[1] if event else "application/json"


async def source_and_id_at(connection: asyncpg.Connection, batch: int, ordinal: int) -> tuple[str, str] | None:
    """Return the source and the id of the record that was accepted at a place (as findings name it), or None."""
    row = await connection.fetchrow(
        """select s.name, e.ordinal from entry e join batch b on b.batch = e.batch join source s on s.id = b.source
           where e.batch = $1 and e.ordinal = $2""",
        batch, ordinal,
    )  # fmt: skip
    if row is None:
        return None
    received = await as_received(connection, batch, ordinal)
    known = received.get("id") if isinstance(received, dict) else None
    return None if known is None else (row["name"], str(known))


async def unlike_its_receipt(connection: asyncpg.Connection, batch: int) -> int | None:
    """Return the first batch up to this one with other records than its receipt says, or other reversals; or None."""
    found: int | None = await connection.fetchval(
        """select batch from (
               select batch, accepted as records, 0::bigint as reversed from batch
               where kind in ('usage', 'replay') and batch <= $1
               union all
               select batch, -count(*), count(*) filter (where action <> 0) from entry where batch <= $1 group by batch
               union all
               select batch, 0, -count(*) from reversal where batch <= $1 group by batch
           ) told group by batch having sum(records) <> 0 or sum(reversed) <> 0 order by batch limit 1""",
        batch,
    )
    return found
