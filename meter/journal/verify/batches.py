"""Verifying batches one after another: numbers, headers, digests, and everything that the digests cover."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg
import numpy as np
import numpy.typing as npt
import zstandard

from meter.intake.registry_view.registered import Registered
from meter.journal.digest_chain import ALGORITHMS, GENESIS, Header, contents_text, digest_of, link
from meter.journal.rows.layout import BATCH_END, WIRE
from meter.journal.verify.names import Names
from meter.kernels.chunked_digest import PIECE_BYTES, digest_in_pieces
from meter.vocabulary import USAGE_KINDS

Differ = Callable[[int, str, str], None]
RULES = ("facilities", "chips")
KEEPS_REGISTRY = (*USAGE_KINDS, "control_totals")
GAP_MAX = 1000  # of a longer gap only the beginning is listed


@dataclass
class FactsOfBatch:
    """What a batch's digest covers of registry facts, line by line, and the facilities and chips they name."""

    lines: list[str] = field(default_factory=list)
    facilities: set[str] = field(default_factory=set)
    chips: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Window:
    """Consecutive batches up to the number `last`, and everything that their digests cover."""

    last: int
    batches: list[asyncpg.Record]
    wire: npt.NDArray[np.void]
    bodies: Mapping[int, asyncpg.Record]
    quarantined: Mapping[int, list[asyncpg.Record]]
    facts: Mapping[int, FactsOfBatch]
    rules: Registered
    """Facilities and chips as every usage batch of the window was checked against them."""


class Chain:
    """The chain as recomputed so far; tells `differ` (batch, word, detail) what is not as it was recorded."""

    def __init__(self, names: Names, differ: Differ) -> None:
        self.names = names
        self.differ = differ
        self.batches = 0
        self.records = 0
        self.batch = 0
        self.stated = ""
        self.digests_wanted: dict[int, str] = {}
        self._previous = GENESIS
        self._recorded_at: datetime | None = None
        self._registry_batch = 0

    def check(self, window: Window) -> None:
        """Check the next window."""
        numbers = window.wire["batch"].astype(np.int64)
        seen = 0
        for row in window.batches:
            self._gap(row["batch"])
            start, end = (int(place) for place in np.searchsorted(numbers, (row["batch"], row["batch"] + 1)))
            self._strays(numbers[seen:start])
            seen = end
            self._header(row)
            self._contents(row, window.wire[start:end], window)
            self.batches += 1
            self.records += end - start
        self._strays(numbers[seen:])

    def _gap(self, number: int) -> None:
        for missing in range(self.batch + 1, min(number, self.batch + 1 + GAP_MAX)):
            self.differ(missing, "missing", "there is no such batch")
        self.batch = number

    def _strays(self, numbers: npt.NDArray[np.int64]) -> None:
        for number, count in zip(*np.unique(numbers, return_counts=True), strict=True):
            self.differ(int(number), "stray", f"{count} records of a batch that does not exist")

    def _header(self, row: asyncpg.Record) -> None:
        number, algorithm = row["batch"], row["algorithm"]
        self.stated = f"{algorithm}:{row['digest'].hex()}"
        if algorithm not in ALGORITHMS:
            self.differ(number, "digest", f"{algorithm!r} is no algorithm of this journal")
        elif link(algorithm, self._previous, _header_of(row)) != row["digest"]:
            self.differ(number, "digest", "the header or the predecessor is not what the digest covers")
        # what follows is judged by the digest as it stands: one change is one difference, not all that come after it
        self._previous = bytes(row["digest"]).ljust(32, b"\0")[:32]
        wanted = self.digests_wanted.get(number, self.stated)
        if wanted != self.stated:
            self.differ(number, "checkpoint", f"the digest is {self.stated}, the checkpoint says {wanted}")
        if self._recorded_at is not None and row["recorded_at"] < self._recorded_at:
            self.differ(number, "order", "recorded before its predecessor")
        if row["registry_batch"] != (self._registry_batch if row["kind"] in KEEPS_REGISTRY else number):
            self.differ(number, "order", "names a registry batch that is not the last one")
        self._recorded_at, self._registry_batch = row["recorded_at"], row["registry_batch"]

    def _contents(self, row: asyncpg.Record, wire: npt.NDArray[np.void], window: Window) -> None:
        number = row["batch"]
        try:
            stated = dict(json.loads(row["contents"]))
        except (ValueError, TypeError):
            stated = {}
        if contents_text(stated) != row["contents"]:
            self.differ(number, "contents", "the list of digests is not as it was written")
        facts = window.facts.get(number, FactsOfBatch())
        kept = window.quarantined.get(number, [])
        parts: dict[str, bytes | memoryview | None] = {"body": self._body(row, window)}
        if row["kind"] in USAGE_KINDS:
            parts["rows"] = rows_as_hashed(wire)
            if len(wire) != row["accepted"]:
                self.differ(number, "rows", f"{row['accepted']} records were accepted, {len(wire)} are there")
        else:
            parts["facts"] = "\n".join(facts.lines).encode()
        if kept:
            parts["quarantine"] = b"".join(one["digest"] for one in kept)
        for name in sorted(stated.keys() | parts):
            if name == "names" and self.names.cover(stated[name], facts.facilities, facts.chips):
                continue
            part = parts.get(name)
            if name == "body" and part is None and row["kind"] == "entities":
                continue  # not kept: it may hold bank accounts
            if name not in stated or part is None or not has_digest(part, stated[name]):
                self.differ(number, name, f"the {name} of the batch are not what its digest covers")
        for one in kept:
            if _quarantine_digest(one) != one["digest"]:
                self.differ(number, "quarantine", f"quarantined record {one['id']} is not as it was kept")

    def _body(self, row: asyncpg.Record, window: Window) -> bytes | None:
        kept = window.bodies.get(row["batch"])
        if kept is None:
            return None
        try:
            return zstandard.decompress(kept["body"]) if kept["codec"] == "zstd" else bytes(kept["body"])
        except zstandard.ZstdError:
            return None


def rows_as_hashed(wire: npt.NDArray[np.void]) -> bytes:
    """Return the bytes of rows (WIRE) that the digest covers: all but the batch's number, which is in its header."""
    return np.ascontiguousarray(wire).view(np.uint8).reshape(len(wire), WIRE.itemsize)[:, BATCH_END:].tobytes()


def has_digest(data: bytes | memoryview, stated: str) -> bool:
    """Return whether the data has the digest `stated`: `algorithm:hex`, or `algorithm/4096:hex` in pieces."""
    algorithm, _, size = stated.partition(":")[0].partition("/")
    if algorithm not in ALGORITHMS or size not in ("", str(PIECE_BYTES)):
        return False
    return stated == (digest_in_pieces(algorithm, data) if size else digest_of(algorithm, data))


def _header_of(row: asyncpg.Record) -> Header:
    try:
        contents = dict(json.loads(row["contents"]))
    except (ValueError, TypeError):
        contents = {}
    return Header(
        batch=row["batch"], kind=row["kind"], source=row["source_name"], recorded_at=row["recorded_at"],
        received=row["received"], accepted=row["accepted"], duplicate=row["duplicate"], conflict=row["conflict"],
        refused=row["refused"], registry_batch=row["registry_batch"], key_name=row["key_name"], contents=contents,
    )  # fmt: skip


def _quarantine_digest(row: asyncpg.Record) -> bytes:
    state = hashlib.blake2s(f"{row['source']} {row['status']}\n".encode())
    state.update(row["record"])
    return state.digest()
