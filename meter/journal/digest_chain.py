"""The digest chain: every batch is bound to its contents and to the batch before it.

A batch's digest covers the previous digest and its own header; the header names the digests of the rows, the body, the
quarantined records, the registry facts and the new names. Whoever has these can recompute the chain with any library.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

SM3, SHA256 = "sm3", "sha256"
ALGORITHMS = (SM3, SHA256)
GENESIS = bytes(32)
"""The digest before the first batch."""


@dataclass(frozen=True)
class Header:
    """What a batch says about itself; every field is covered by the batch's digest."""

    batch: int
    kind: str
    source: str | None
    recorded_at: datetime
    received: int
    accepted: int
    duplicate: int
    conflict: int
    refused: int
    registry_batch: int
    key_name: str
    contents: Mapping[str, str]


def digest_of(algorithm: str, *parts: bytes | memoryview) -> str:
    """Return the digest of the parts one after another, as `algorithm:hex`."""
    state = hashlib.new(algorithm, usedforsecurity=True)
    for part in parts:
        state.update(part)
    return f"{algorithm}:{state.hexdigest()}"


def contents_text(contents: Mapping[str, str]) -> str:
    """Return the one way in which `contents` is written down."""
    return json.dumps(dict(contents), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def link(algorithm: str, previous: bytes, header: Header) -> bytes:
    """Return the digest (32 bytes) of a batch that follows the batch whose digest is `previous`."""
    assert algorithm in ALGORITHMS
    assert len(previous) == 32
    fields = {name: value for name, value in vars(header).items() if name not in ("recorded_at", "contents")}
    fields["recorded_at"] = header.recorded_at.isoformat(timespec="microseconds")
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    state = hashlib.new(algorithm, previous)
    state.update(text.encode() + b"\n" + contents_text(header.contents).encode())
    return state.digest()
