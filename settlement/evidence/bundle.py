"""Writing the bundle: portions at a time, so that its size does not matter."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Any

import asyncpg

from meter.journal.rows.layout import BATCH_END, WIRE
from meter.journal.store import read_wire
from settlement.checkpoint.statement import LINE_TEXT
from settlement.errors import SettlementRefused

_HERE = Path(__file__).parent
_PAGE = 2000
_BATCHES_AT_ONCE = 200
_MOMENT = "to_char({0} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"


async def write_bundle(
    connection: asyncpg.Connection, settlement: str, path: Path, checkpoint: bytes | None = None
) -> dict[str, Any]:
    """Write the bundle of a settlement; what is in it. Reads one snapshot.

    Raises SettlementRefused UNKNOWN_SETTLEMENT.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        row = await connection.fetchrow("select * from settlement where id = $1", settlement)
        if row is None:
            raise SettlementRefused("UNKNOWN_SETTLEMENT", f"there is no settlement {settlement!r}")
        manifest: dict[str, Any] = {"settlement": settlement, "format": "suanbu-evidence/1", "files": {}}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            bundle = _Bundle(archive, manifest["files"])
            bundle.put("settlement.json", _json(_about(row)))
            await bundle.stream("lines.ndjson", _lines(connection, settlement))
            await bundle.stream("events.ndjson", _events(connection, settlement))
            await bundle.stream("audit.ndjson", _audit(connection, settlement))
            await bundle.stream("names.ndjson", _names(connection))
            await bundle.stream("batches.ndjson", _batches(connection, row["as_of"]))
            await bundle.stream("records.bin", _records(connection, row["as_of"]))
            await bundle.stream("reversals.ndjson", _reversals(connection, row["as_of"]))
            bundle.put("layout.json", _json(_layout()))
            if checkpoint is not None:
                bundle.put("checkpoint.json", checkpoint)
            for name in ("check_evidence.py", "README.md"):
                bundle.put(name, (_HERE / name).read_bytes())
            archive.writestr("manifest.json", _json(manifest))
    return manifest


class _Bundle:
    """The zip as it grows, and the digest of each file in it."""

    def __init__(self, archive: zipfile.ZipFile, files: dict[str, Any]) -> None:
        self.archive = archive
        self.files = files

    def put(self, name: str, body: bytes) -> None:
        self.archive.writestr(name, body)
        self.files[name] = {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}

    async def stream(self, name: str, portions: AsyncIterator[bytes]) -> None:
        state, size = hashlib.sha256(), 0
        file: IO[bytes]
        with self.archive.open(name, "w", force_zip64=True) as file:
            async for portion in portions:
                file.write(portion)
                state.update(portion)
                size += len(portion)
        self.files[name] = {"bytes": size, "sha256": state.hexdigest()}


def _about(row: asyncpg.Record) -> dict[str, Any]:
    names = ("id", "round", "status", "as_of", "payment_order", "readings", "totals", "receipt", "digest", "adjusts")
    return {name: row[name] for name in names} | {"created_at": row["created_at"].isoformat()}


async def _lines(connection: asyncpg.Connection, settlement: str) -> AsyncIterator[bytes]:
    """Each line as the text that its digest is made over: a JSON array, line and working in it as texts."""
    after = ""
    while rows := await connection.fetch(
        f"""select uscc, {LINE_TEXT} as text from settlement_line where settlement = $1 and uscc collate "C" > $2
            order by uscc collate "C" limit {_PAGE}""",
        settlement, after,
    ):  # fmt: skip
        yield b"".join(row["text"].encode() + b"\n" for row in rows)
        after = rows[-1]["uscc"]


async def _events(connection: asyncpg.Connection, settlement: str) -> AsyncIterator[bytes]:
    rows = await connection.fetch(
        """select id, event, before, after, actor, city, at, detail from settlement_event
           where settlement = $1 order by id""",
        settlement,
    )
    for row in rows:
        yield _json({**dict(row), "at": row["at"].isoformat()}) + b"\n"


async def _audit(connection: asyncpg.Connection, settlement: str) -> AsyncIterator[bytes]:
    rows = await connection.fetch(
        f"""select seq, {_MOMENT.format("at")} || 'Z' as at, actor, action, object, result, before, after, detail,
            digest, (select digest from audit p where p.seq = a.seq - 1) as previous
            from audit a where object = $1 order by seq""",
        settlement,
    )
    for row in rows:
        yield _json(dict(row)) + b"\n"


async def _names(connection: asyncpg.Connection) -> AsyncIterator[bytes]:
    for table, column in (("party", "uscc"), ("facility", "code"), ("chip", "code"), ("source", "name")):
        for row in await connection.fetch(f"select id, {column} as name from {table} order by id"):
            yield _json({"table": table, "number": row["id"], "name": row["name"]}) + b"\n"


async def _batches(connection: asyncpg.Connection, last: int) -> AsyncIterator[bytes]:
    after = 0
    while rows := await connection.fetch(
        f"""select b.batch, b.kind, s.name as source, {_MOMENT.format("b.recorded_at")} || '+00:00' as recorded_at,
            b.received, b.accepted, b.duplicate, b.conflict, b.refused, b.registry_batch, b.key_name, b.contents,
            b.algorithm, encode(b.digest, 'hex') as digest from batch b left join source s on s.id = b.source
            where b.batch > $1 and b.batch <= $2 order by b.batch limit {_PAGE}""",
        after, last,
    ):  # fmt: skip
        yield b"".join(_json(dict(row)) + b"\n" for row in rows)
        after = rows[-1]["batch"]


async def _records(connection: asyncpg.Connection, last: int) -> AsyncIterator[bytes]:
    """The rows as they were hashed, batch by batch."""
    for first in range(1, last + 1, _BATCHES_AT_ONCE):
        yield (await read_wire(connection, first, min(last, first + _BATCHES_AT_ONCE - 1))).tobytes()


async def _reversals(connection: asyncpg.Connection, last: int) -> AsyncIterator[bytes]:
    rows = await connection.fetch(
        "select key, batch, ordinal, consumer, charge_fen from reversal where batch <= $1 order by batch, ordinal", last
    )
    for row in rows:
        yield _json({**dict(row), "key": row["key"].hex}) + b"\n"


def _layout() -> dict[str, Any]:
    """Where each column of a row of records.bin lies."""
    assert WIRE.fields is not None
    return {
        "row_bytes": WIRE.itemsize,
        "digested_from": BATCH_END,
        "columns": {name: {"offset": place, "type": kind.str} for name, (kind, place, *_) in WIRE.fields.items()},
    }


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, default=str).encode()
