"""The SQL of the journal: looking up keys, appending rows, reading batches back."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import numpy as np
import numpy.typing as npt

from meter.database.copy import copy_in, copy_out
from meter.database.locks import AdvisoryLock
from meter.journal.rows.layout import COLUMN_NAMES, from_wire, parse_tuples
from meter.journal.tables import MEASURED

NEAR_BATCHES = 32
BATCH_CLOSED = "batch_closed"  # what the database calls it when rows come to a batch that is recorded
MOST_SPANS = 500  # spans of batches to read one by one; with more, one pass over all of them is no dearer
KEY_WIRE = np.dtype(
    [("fields", ">i2"), ("batch_length", ">i4"), ("batch", ">i8"), ("key_length", ">i4"), ("key", "V16")]
)
_ENTRY_COLUMNS = ", ".join(COLUMN_NAMES)
_QUARANTINE_COLUMNS = (
    "batch", "ordinal", "source", "record_id", "status", "code", "detail", "record", "digest", "against",
    "against_batch", "consumer", "started_at", "ended_at",
)  # fmt: skip

_BATCH_COLUMNS = {
    "batch": "int8", "kind": "text", "source": "int4", "recorded_at": "timestamptz", "received": "int4",
    "accepted": "int4", "duplicate": "int4", "conflict": "int4", "refused": "int4", "registry_batch": "int8",
    "key_name": "text", "contents": "text", "algorithm": "text", "digest": "bytea",
}  # fmt: skip
_BODY_COLUMNS = {"batch": "int8", "content_type": "text", "codec": "text", "body": "bytea"}


def _unnest(columns: Mapping[str, str], first: int) -> str:
    """Return `unnest` of one array parameter for every column, numbered from `first`."""
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(columns.values(), first))
    return f"unnest({arrays})"


# batches and their bodies in one message to the server and one back
_APPEND = (
    f"with written as (insert into batch ({', '.join(_BATCH_COLUMNS)}) select * from {_unnest(_BATCH_COLUMNS, 1)}) "
    f"insert into batch_body ({', '.join(_BODY_COLUMNS)}) "
    f"select * from {_unnest(_BODY_COLUMNS, len(_BATCH_COLUMNS) + 1)}"
)


_BEGIN = "begin isolation level read committed"  # its snapshots are younger than the lock
_TAKE_LOCK = f"select pg_advisory_xact_lock({AdvisoryLock.APPENDING})"


async def take_lock(connection: asyncpg.Connection) -> None:
    """Take the journal's lock, which falls with the end of the transaction."""
    await connection.execute(_TAKE_LOCK)


async def begin(connection: asyncpg.Connection) -> None:
    """Begin a transaction that takes the journal's lock later."""
    await connection.execute(_BEGIN)


async def begin_under_lock(connection: asyncpg.Connection) -> None:
    """Begin a transaction and take the journal's lock: the next statement sees what its last holder committed."""
    await connection.execute(f"{_BEGIN}; {_TAKE_LOCK}")


async def append_batches(
    connection: asyncpg.Connection, batches: Sequence[tuple[Any, ...]], bodies: Sequence[tuple[Any, ...]]
) -> None:
    """Write batches and the bodies of some of them: tuples in the order of the tables' columns."""
    columns_of_bodies = [[body[place] for body in bodies] for place in range(len(_BODY_COLUMNS))]
    await connection.execute(_APPEND, *zip(*batches, strict=True), *columns_of_bodies)


async def last_batch(connection: asyncpg.Connection) -> asyncpg.Record | None:
    """Return the last batch: number, digest, moment, and the last batch that changed the registry.

    None before the first.
    """
    return await connection.fetchrow(
        "select batch, digest, recorded_at, registry_batch from batch order by batch desc limit 1"
    )


async def last_number(connection: asyncpg.Connection) -> int:
    """Return the number of the last batch, 0 before the first."""
    return int(await connection.fetchval("select coalesce(max(batch), 0) from batch"))


async def batch_exists(connection: asyncpg.Connection, batch: int) -> bool:
    """Return whether there is a batch of this number."""
    return bool(await connection.fetchval("select exists (select from batch where batch = $1)", batch))


async def entries_after(connection: asyncpg.Connection, batch: int) -> int:
    """Return how many entries the batches after this one hold."""
    return int(
        await connection.fetchval(
            "select coalesce(sum(accepted), 0) from batch where batch > $1 and kind in ('usage', 'replay')", batch
        )
    )


async def batches_after(connection: asyncpg.Connection, batch: int, limit: int) -> list[asyncpg.Record]:
    """Return the next batches after this one: batch, digest, and how many entries each holds."""
    return list(
        await connection.fetch(
            "select batch, digest, case when kind in ('usage', 'replay') then accepted else 0 end as entries "
            "from batch where batch > $1 order by batch limit $2",
            batch, limit,
        )
    )  # fmt: skip


async def names_in(
    connection: asyncpg.Connection, table: str, column: str, wanted: Sequence[str]
) -> tuple[int, dict[str, int]]:
    """Return the last number of a dictionary table, and the numbers of those of the names that it has."""
    rows = await connection.fetch(
        f"select last, id, {column} as name from (select coalesce(max(id), 0) as last from {table}) newest "
        f"left join {table} on {column} = any($1::text[])",
        wanted,
    )
    return rows[0]["last"], {row["name"]: row["id"] for row in rows if row["name"] is not None}


async def digest_at(connection: asyncpg.Connection, batch: int) -> bytes | None:
    """Return the digest of a batch in the chain, None where there is no such batch."""
    found: bytes | None = await connection.fetchval("select digest from batch where batch = $1", batch)
    return found


async def entries_at(
    connection: asyncpg.Connection, keys: npt.NDArray[np.uint64], spans: npt.NDArray[np.int64]
) -> npt.NDArray[np.void]:
    """Return the entries (ENTRY) that stand under keys (n, 2), each in the batches spans[i, 0] .. spans[i, 1]."""
    order = np.argsort(spans[:, 0], kind="stable")
    keys, spans = keys[order], spans[order]
    # batches lie side by side in the heap: what is near in the order of batches is read together
    ends = np.maximum.accumulate(spans[:, 1])
    cuts = np.flatnonzero(spans[1:, 0] > ends[:-1] + NEAR_BATCHES) + 1
    bounds = [0, *cuts.tolist(), len(spans)]
    if len(bounds) > MOST_SPANS:
        bounds = [0, len(spans)]
    found = []
    for start, end in itertools.pairwise(bounds):
        listed = _uuids({key.tobytes() for key in keys[start:end]})
        first, last = int(spans[start, 0]), int(ends[end - 1])
        found.append(
            await _entries(
                connection,
                f"select {_ENTRY_COLUMNS} from entry where batch between {first} and {last} and key = any({listed})",
            )
        )
    return np.concatenate(found)


async def corrected(connection: asyncpg.Connection, keys: Iterable[bytes]) -> frozenset[bytes]:
    """Return which of the keys stand corrected."""
    listed = _uuids(set(keys))
    rows = await connection.fetch(f"select key from reversal where key = any({listed})")
    return frozenset(row["key"].bytes for row in rows)


async def read_keys(
    connection: asyncpg.Connection, first: int, last: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Return the keys (n, 2) and batches (n,) of all entries of the batches first..last, in no order."""
    query = f"select batch, key from entry where batch between {int(first)} and {int(last)}"
    body = await copy_out(connection, query)
    if len(body) % KEY_WIRE.itemsize:
        raise ValueError("the stream is no binary COPY of batches and keys")
    wire = np.frombuffer(body, KEY_WIRE)
    keys = np.frombuffer(wire["key"].tobytes(), np.uint64).reshape(-1, 2)
    return keys, wire["batch"].astype(np.int64)


async def append_entries(connection: asyncpg.Connection, wire: npt.NDArray[np.void]) -> None:
    """Copy rows (WIRE) into the journal."""
    if len(wire):
        await copy_in(connection, "entry", COLUMN_NAMES, wire)


async def summarize(connection: asyncpg.Connection) -> None:
    """Let the index of batches know the newest pages; until it does, they are read whoever looks for whatever batch."""
    await connection.execute("select summarize_journal()")


async def append_reversals(
    connection: asyncpg.Connection, corrections: Iterable[tuple[int, int, npt.NDArray[np.void]]]
) -> None:
    """Record what corrections take back: (batch, ordinal of the correction, the entry that no longer counts)."""
    rows: list[tuple[Any, ...]] = []
    for number, ordinal, entry in corrections:
        row = entry[0]
        values = {name: row[name].item() for name in MEASURED}
        for name in ("started_at", "ended_at"):
            values[name] = datetime.fromtimestamp(values[name], UTC)
        rows.append((UUID(bytes=row["key"].tobytes()), number, ordinal, *(values[name] for name in MEASURED)))
    if rows:
        await connection.copy_records_to_table("reversal", records=rows, columns=["key", "batch", "ordinal", *MEASURED])


async def known_quarantine(connection: asyncpg.Connection, digests: Sequence[bytes]) -> dict[bytes, int]:
    """Return digest -> batch of the quarantined records that are already kept."""
    if not digests:
        return {}
    rows = await connection.fetch("select digest, batch from quarantine where digest = any($1::bytea[])", digests)
    return {row["digest"]: row["batch"] for row in rows}


async def append_quarantine(connection: asyncpg.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Keep records for a person: tuples in the order of the table's columns after `id`."""
    if rows:
        await connection.copy_records_to_table("quarantine", records=rows, columns=list(_QUARANTINE_COLUMNS))


async def digest_of_batch(connection: asyncpg.Connection, batch: int) -> str:
    """Return the digest of a batch in the chain, `algorithm:hex`."""
    query = "select algorithm || ':' || encode(digest, 'hex') from batch where batch = $1"
    return str(await connection.fetchval(query, batch))


async def wait_for_standby(connection: asyncpg.Connection) -> None:
    """Have a confirmation that writes nothing wait, too, until what it confirms has reached the standby."""
    if await connection.fetchval("select current_setting('synchronous_standby_names') <> ''"):
        await connection.execute("select pg_logical_emit_message(true, 'suanbu', 'confirm')")


async def read_entries(connection: asyncpg.Connection, first: int, last: int) -> npt.NDArray[np.void]:
    """Return all entries (ENTRY) of the batches first..last, by batch and ordinal."""
    return from_wire(await read_wire(connection, first, last))


async def read_wire(connection: asyncpg.Connection, first: int, last: int) -> npt.NDArray[np.void]:
    """Return all rows (WIRE) of the batches first..last, by batch and ordinal, as they were hashed."""
    wire = await _wire(
        connection, f"select {_ENTRY_COLUMNS} from entry where batch between {int(first)} and {int(last)}"
    )
    # they lie in the heap as they were appended: that is nearly always their order, and cheaper to look at than to sort
    batch, ordinal = wire["batch"].astype(np.int64), wire["ordinal"].astype(np.int64)
    later = (batch[1:] > batch[:-1]) | ((batch[1:] == batch[:-1]) & (ordinal[1:] >= ordinal[:-1]))
    return wire if later.all() else wire[np.lexsort((ordinal, batch))]


async def _entries(connection: asyncpg.Connection, query: str) -> npt.NDArray[np.void]:
    return from_wire(await _wire(connection, query))


async def _wire(connection: asyncpg.Connection, query: str) -> npt.NDArray[np.void]:
    return parse_tuples(await copy_out(connection, query))


def _uuids(keys: Iterable[bytes]) -> str:
    """Return our own 16-byte digests as an SQL array literal: hexadecimal only, so nothing can be injected."""
    return "'{" + ",".join(key.hex() for key in keys) + "}'::uuid[]"
