"""Writing the bundle: portions at a time, so that its size does not matter."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import IO, Any

import asyncpg

from meter.journal.rows.layout import BATCH_END, WIRE
from meter.journal.store import read_wire
from meter.private_files import opened_privately
from settlement.rounds import load_rounds
from settlement.store.decisions import decisions_of
from settlement.store.evidence import audit_of, batches_to, names, reversals_to
from settlement.store.lines import digested_lines
from settlement.store.settlements import stored_settlement

_HERE = Path(__file__).parent
_BATCHES_AT_ONCE = 200


async def write_bundle(
    connection: asyncpg.Connection,
    settlement: str,
    path: Path,
    steps: AsyncIterator[list[dict[str, Any]]],
    checkpoint: str | None = None,
    proofs: Iterable[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Write the bundle of a settlement; what is in it. Reads one snapshot, `steps` of the lines within it.

    `checkpoint` is a signed note, `proofs` show that rows of the log and the last batch are in the tree that it signs.

    Raises SettlementRefused UNKNOWN_SETTLEMENT.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        row = await stored_settlement(connection, settlement)
        manifest: dict[str, Any] = {"settlement": settlement, "format": "suanbu-evidence/1", "files": {}}
        with opened_privately(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            bundle = _Bundle(archive, manifest["files"])
            bundle.put("settlement.json", _json(_about(row)))
            await bundle.stream("lines.ndjson", _lines(connection, settlement))
            await bundle.stream("steps.ndjson", _each_of(steps))
            await bundle.stream("events.ndjson", _each(await decisions_of(connection, settlement)))
            await bundle.stream("audit.ndjson", _each(await audit_of(connection, settlement)))
            await bundle.stream("names.ndjson", _names(connection))
            await bundle.stream("batches.ndjson", _batches(connection, row["as_of"]))
            await bundle.stream("records.bin", _records(connection, row["as_of"]))
            await bundle.stream("reversals.ndjson", _each(await reversals_to(connection, row["as_of"])))
            bundle.put("layout.json", _json(_layout()))
            if checkpoint is not None:
                bundle.put("checkpoint.note", checkpoint.encode())
                await bundle.stream("proofs.ndjson", _each(proofs))
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
    window = load_rounds()[row["round"]].window_seconds
    return {name: row[name] for name in names} | {"created_at": row["created_at"].isoformat(), "window": window}


async def _lines(connection: asyncpg.Connection, settlement: str) -> AsyncIterator[bytes]:
    """Yield each line as the text that its digest is made over: a JSON array, line and working in it as texts."""
    async for portion in digested_lines(connection, settlement):
        yield b"".join(text.encode() + b"\n" for _, text in portion)


async def _each(rows: Iterable[Any]) -> AsyncIterator[bytes]:
    for row in rows:
        yield _json(row) + b"\n"


async def _each_of(portions: AsyncIterator[list[dict[str, Any]]]) -> AsyncIterator[bytes]:
    async for portion in portions:
        yield b"".join(_json(row) + b"\n" for row in portion)


async def _batches(connection: asyncpg.Connection, last: int) -> AsyncIterator[bytes]:
    async for portion in batches_to(connection, last):
        yield b"".join(_json(batch) + b"\n" for batch in portion)


async def _names(connection: asyncpg.Connection) -> AsyncIterator[bytes]:
    async for name in names(connection):
        yield _json(name) + b"\n"


async def _records(connection: asyncpg.Connection, last: int) -> AsyncIterator[bytes]:
    """Yield the rows as they were hashed, batch by batch."""
    for first in range(1, last + 1, _BATCHES_AT_ONCE):
        yield (await read_wire(connection, first, min(last, first + _BATCHES_AT_ONCE - 1))).tobytes()


def _layout() -> dict[str, Any]:
    """Return where each column of a row of records.bin lies."""
    assert WIRE.fields is not None
    return {
        "row_bytes": WIRE.itemsize,
        "digested_from": BATCH_END,
        "columns": {name: {"offset": place, "type": kind.str} for name, (kind, place, *_) in WIRE.fields.items()},
    }


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, default=str).encode()
