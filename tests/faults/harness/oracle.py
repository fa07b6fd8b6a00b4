"""What must be there after a storm, from the clients' journals in plain integers, held against what is there."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field

import asyncpg
import numpy as np
import numpy.typing as npt

from tests.faults.harness.client import Journal
from tests.faults.harness.content import CITIES, CONSUMERS, Batch, Sums
from tests.support.api_client import KeyClient

CITY_OF = {code: CITIES[number % len(CITIES)] for number, code in enumerate(CONSUMERS)}


@dataclass
class Verdict:
    """What was acknowledged, what is missing, and what is there that should not be."""

    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    strangers: int = 0
    """Entries that nobody sent."""
    differences: list[str] = field(default_factory=list)

    def differ(self, what: str, stored: object, expected: object) -> None:
        """Note a difference, if there is one."""
        if stored != expected:
            self.differences.append(f"{what}: {str(stored)[:500]} is stored, {str(expected)[:500]} was acknowledged")


def key_of(source: int, record_id: str) -> bytes:
    """The key of a record, as docs/architecture.md says how anybody computes it."""
    return hashlib.blake2s(record_id.encode(), digest_size=16, salt=source.to_bytes(8, "little")).digest()


def acknowledged(journals: dict[str, Journal], records: int) -> list[Batch]:
    """Every batch of which somebody was told that it is recorded."""
    return [Batch(lane, number, records) for lane, one in journals.items() for number in range(one.acknowledged + 1)]


async def judge(owner: asyncpg.Connection, source: str, batches: list[Batch], reader: KeyClient) -> Verdict:
    """Compare rows, sums and quarantine with what was acknowledged; everything sent was acknowledged in the end."""
    verdict, sums = Verdict(), Sums()
    number = await owner.fetchval("select id from source where name = $1", source)
    for batch in batches:
        sums.add(batch)
    wanted = _sorted(b"".join(key_of(number, one) for batch in batches for one in batch.ids()))
    stored = _sorted(await _keys(owner, number))
    once = np.unique(stored)
    verdict.acknowledged = len(wanted)
    verdict.doubled = len(stored) - len(once)
    verdict.lost = int(len(wanted) - np.isin(wanted, once, assume_unique=True).sum())
    verdict.strangers = int(len(once) - np.isin(once, wanted, assume_unique=True).sum())
    verdict.differ("entries", len(stored), sums.entries)
    kept = await owner.fetchval("select count(*) from quarantine where source = $1", number)
    verdict.differ("conflicts kept", kept, sums.conflicts)
    undone = await owner.fetchval(
        "select count(*) from reversal r join entry e on (e.batch, e.ordinal) = (r.batch, r.ordinal) "
        "where e.source = $1", number
    )  # fmt: skip
    verdict.differ("corrections", undone, sums.voids)
    records, fen = await _told(reader)
    verdict.differ("records by city and month", records, dict(+sums.records))
    verdict.differ("fen by city and month", fen, dict(+sums.fen))
    return verdict


async def _told(reader: KeyClient) -> tuple[dict[tuple[str, str], int], dict[tuple[str, str], int]]:
    """Records and fen by city and month, as the API tells them of the storm's consumers."""
    records: Counter[tuple[str, str]] = Counter()
    fen: Counter[tuple[str, str]] = Counter()
    cursor = None
    while True:
        answer = (await reader.get("/usage-totals", by="consumer,day", limit=1000, cursor=cursor)).json()
        for one in answer["items"]:
            if one["consumer"] in CITY_OF:
                place = CITY_OF[one["consumer"]], one["day"][:7]
                records[place] += one["records"]
                fen[place] += one["charge_fen"]
        cursor = answer["next"]
        if cursor is None:
            return dict(records), dict(fen)


async def _keys(owner: asyncpg.Connection, source: int) -> bytes:
    """All keys of a source, a portion of batches at a time."""
    found, portion = [], 2000
    head = await owner.fetchval("select coalesce(max(batch), 0) from batch")
    for start in range(0, head + 1, portion):
        rows = await owner.fetchval(
            "select string_agg(uuid_send(key), ''::bytea) from entry where source = $1 and batch >= $2 and batch < $3",
            source, start, start + portion,
        )  # fmt: skip
        found.append(rows or b"")
    return b"".join(found)


def _sorted(keys: bytes) -> npt.NDArray[np.void]:
    """Keys in order, as pairs of numbers."""
    return np.sort(np.frombuffer(keys, dtype=[("high", ">u8"), ("low", ">u8")]))
