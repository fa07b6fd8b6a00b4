"""Showing people what the journal holds: one record's whole life, a batch's receipt, the quarantine."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import UUID

import asyncpg
import zstandard

from meter.intake.codes import MEANING, Code
from meter.intake.receive import receive
from meter.intake.registered import Registered
from meter.journal.known_keys import KnownKeys
from meter.journal.row import RECORD, VOID

REPLAY_RECORDS = 10_000
REPLAY_BYTES = 24 * 1024 * 1024
_EVENT_TYPES = ("application/cloudevents+json", "application/cloudevents-batch+json")
_PURPOSES = {0: None, 1: "research", 2: "commercial"}
_ACTIONS = {0: None, 1: "replace", 2: "void"}


def key_of(source: int, record_id: str) -> bytes:
    """The key (16 bytes) under which a source's record stands."""
    return hashlib.blake2s(record_id.encode(), digest_size=16, salt=source.to_bytes(8, "little")).digest()


async def show_record(
    connection: asyncpg.Connection, keys: KnownKeys, source: str, record_id: str
) -> dict[str, Any] | None:
    """A record, its batch, what it corrects and what corrects it; None when there is none.

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
        "record": await _as_received(connection, row["batch"], row["ordinal"]),
        "corrected_by": None,
        "corrects": None,
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
        text = await _as_received(connection, correction["batch"], correction["ordinal"])
        shown["corrected_by"] = {
            "id": _id_of(text),
            "batch": correction["batch"],
            "action": _ACTIONS[correction["action"]],
        }
    if row["action"] != RECORD:
        first = await _entry(connection, keys, row["corrects"].bytes)
        assert first is not None, "a correction without what it corrects"
        text = await _as_received(connection, first["batch"], first["ordinal"])
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


async def _as_received(connection: asyncpg.Connection, batch: int, ordinal: int) -> Any:
    """The record as its source wrote it, out of the body that was kept."""
    row = await connection.fetchrow("select content_type, codec, body from batch_body where batch = $1", batch)
    body = zstandard.decompress(row["body"]) if row["codec"] == "zstd" else row["body"]
    # read back by the intake's own code; what the registry knows does not matter for the text
    return json.loads(receive(body, row["content_type"], None, Registered.of(0), 0).verbatim(ordinal))


def _id_of(record: Any) -> str | None:
    return record.get("id") if isinstance(record, dict) else None


def _thousandths(millicards: int) -> str:
    whole, rest = divmod(millicards, 1000)
    return f"{whole}.{rest:03d}".rstrip("0").rstrip(".")


async def batch_receipt(connection: asyncpg.Connection, batch: int) -> dict[str, Any] | None:
    """A batch's receipt: counts, digest and what of it is in quarantine; None when there is none."""
    row = await connection.fetchrow(
        "select b.*, s.name as source_name from batch b left join source s on s.id = b.source where b.batch = $1", batch
    )
    if row is None:
        return None
    kept = await connection.fetch(
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
            for r in kept
        ],
    }  # fmt: skip


async def quarantined(
    connection: asyncpg.Connection, status: str | None, after: int, limit: int
) -> list[dict[str, Any]]:
    """What waits for a person, oldest first."""
    rows = await connection.fetch(
        """select q.*, s.name as source_name from quarantine q join source s on s.id = q.source
           where q.id > $1 and ($2::text is null or q.status = $2)
           and not exists (select from quarantine_release r where r.quarantine = q.id) order by q.id limit $3""",
        after, status, limit,
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
        }
        for row in rows
    ]


async def replayable(connection: asyncpg.Connection, source: int) -> list[tuple[str, list[tuple[int, bytes]]]]:
    """Refused records of a source that may have become acceptable: content type, and (number, record) in order.

    In portions that fit one delivery.
    """
    codes = [str(code) for code in Code if MEANING[code].may_become_acceptable] + ["corrects_unknown_record"]
    rows = await connection.fetch(
        """select q.id, q.record, b.content_type from quarantine q join batch_body b on b.batch = q.batch
           where q.source = $1 and q.status = 'refused' and q.code = any($2::text[])
           and not exists (select from quarantine_release r where r.quarantine = q.id) order by q.id""",
        source, codes,
    )  # fmt: skip
    portions: list[tuple[str, list[tuple[int, bytes]]]] = []
    sizes: list[int] = []
    for row in rows:
        event = row["content_type"].split(";")[0].strip().lower() in _EVENT_TYPES
        content_type = _EVENT_TYPES[1] if event else "application/json"
        size = len(row["record"]) + 1
        if (
            not portions
            or portions[-1][0] != content_type
            or len(portions[-1][1]) >= REPLAY_RECORDS
            or sizes[-1] + size > REPLAY_BYTES
        ):
            portions.append((content_type, []))
            sizes.append(0)
        portions[-1][1].append((row["id"], bytes(row["record"])))
        sizes[-1] += size
    return portions
