"""What the tree of checkpoints is made of: heads, digests of batches and rows of the audit log, kept tiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from meter.audit.store import note_on


async def heads(connection: asyncpg.Connection) -> tuple[int, int]:
    """Return the last batch and the last row of the audit log."""
    row = await connection.fetchrow(
        """select (select coalesce(max(batch), 0) from public.batch) as batch,
           (select coalesce(max(seq), 0) from public.audit) as audit"""
    )
    return row["batch"], row["audit"]


async def note_checkpoint(connection: asyncpg.Connection, about: str, detail: dict[str, Any]) -> int:
    """Write into the audit log that a checkpoint is made; the row's number, which the tree ends with."""
    return await note_on(connection, "checkpoint.make", about, "done", detail)


async def last_made(connection: asyncpg.Connection) -> dict[str, Any] | None:
    """Return the last checkpoint as the log tells of it: row, moment, origin, detail, and what came after it."""
    row = await connection.fetchrow(
        """select seq, at, object as origin, detail,
           (select coalesce(max(batch), 0) from public.batch) as batch_head,
           (select max(seq) from public.audit) as audit_head
           from public.audit where action = 'checkpoint.make' and result = 'done' order by seq desc limit 1"""
    )
    return dict(row) if row else None


async def batch_digests(connection: asyncpg.Connection, after: int, last: int) -> list[tuple[int, str]]:
    """Return number and digest (algorithm:hex) of the batches after `after` up to `last`, in order."""
    rows = await connection.fetch(
        """select batch, algorithm || ':' || encode(digest, 'hex') as digest from public.batch
           where batch > $1 and batch <= $2 order by batch""",
        after, last,
    )  # fmt: skip
    return [(row["batch"], row["digest"]) for row in rows]


async def audit_digests(connection: asyncpg.Connection, after: int, last: int) -> list[tuple[int, str]]:
    """Return number and digest of the rows of the audit log after `after` up to `last`, in order."""
    rows = await connection.fetch(
        "select seq, digest from public.audit where seq > $1 and seq <= $2 order by seq", after, last
    )
    return [(row["seq"], row["digest"]) for row in rows]


async def kept_leaves(connection: asyncpg.Connection, after: int, last: int) -> dict[int, str]:
    """Return batch -> what its leaf was made over, as it was kept, for the batches after `after` up to `last`."""
    rows = await connection.fetch(
        "select batch, leaf from public.tree_leaf where batch > $1 and batch <= $2", after, last
    )
    return {row["batch"]: row["leaf"] for row in rows}


async def leaves_kept_beyond(connection: asyncpg.Connection, head: int) -> list[int]:
    """Return batches whose leaf is kept though no checkpoint has covered them."""
    return [row["batch"] for row in await connection.fetch(
        "select batch from public.tree_leaf where batch < 1 or batch > $1 order by 1", head
    )]  # fmt: skip


async def tile_roots(connection: asyncpg.Connection) -> list[bytes]:
    """Return the roots of full tiles from the first on, as far as they follow one another."""
    rows = await connection.fetch("select number, root from public.tree_tile where width = 256 order by number")
    found: list[bytes] = []
    for row in rows:
        if row["number"] != len(found):
            break
        found.append(row["root"])
    return found


async def tiles(connection: asyncpg.Connection, first: int, last: int) -> dict[tuple[int, int], tuple[bytes, bytes]]:
    """Return (number, width) -> hashes and root of the tiles first..last, the partial ones too."""
    rows = await connection.fetch(
        "select number, width, hashes, root from public.tree_tile where number between $1 and $2", first, last
    )
    return {(row["number"], row["width"]): (row["hashes"], row["root"]) for row in rows}


async def widest_tile(connection: asyncpg.Connection, number: int) -> bytes:
    """Return the hashes of a tile as far as it was filled when it was last kept."""
    found = await connection.fetchval(
        "select hashes from public.tree_tile where number = $1 order by width desc limit 1", number
    )
    return bytes(found or b"")


async def keep(
    connection: asyncpg.Connection,
    kept: Sequence[tuple[int, bytes, bytes]],
    leaves: Sequence[tuple[int, str]],
) -> None:
    """Keep tiles (number, hashes, root) and what leaves of batches were made over; what is kept stays as it is."""
    await connection.execute(
        "select public.tree_keep($1, $2, $3, $4, $5, $6)",
        [number for number, _, _ in kept], [len(hashes) // 32 for _, hashes, _ in kept],
        [hashes for _, hashes, _ in kept], [root for _, _, root in kept],
        [batch for batch, _ in leaves], [leaf for _, leaf in leaves],
    )  # fmt: skip


async def audit_row(connection: asyncpg.Connection, seq: int) -> dict[str, Any] | None:
    """Return a row of the audit log as its digest covers it, with the digest before it."""
    row = await connection.fetchrow(
        """select seq, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || 'Z' as at, actor, action, object,
           result, before, after, detail, digest, coalesce((
               select p.digest from public.audit p where p.seq = a.seq - 1), '') as previous
           from public.audit a where seq = $1""",
        seq,
    )
    return dict(row) if row else None


async def run_row(connection: asyncpg.Connection, settlement: str) -> int | None:
    """Return the row of the audit log that tells of a settlement's run, with the root over its lines."""
    found = await connection.fetchval(
        """select seq from public.audit where action = 'settlement.run' and object = $1 and result = 'done'
           order by seq limit 1""",
        settlement,
    )
    return None if found is None else int(found)
