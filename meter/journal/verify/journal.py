"""Verifying the journal: every digest recomputed from what the database holds, and every difference located by batch.

Streaming: a window of batches is read while the one before is being checked, so memory stays bounded however long the
journal is (but for the names and the corrections, which are read whole). What was changed without the digests is
found here; a journal cut short, or recomputed from some batch on, is found only beside a checkpoint kept elsewhere.
Eight bytes a record are kept in memory, to see that no record is there twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import asyncpg

from meter.journal.store import read_wire
from meter.journal.verify.batches import Chain, FactsOfBatch, Window
from meter.journal.verify.corrections import Corrections
from meter.journal.verify.keys import Keys, keys_twice
from meter.journal.verify.names import Names

__all__ = ["Checkpoint", "Difference", "FactsOfBatch", "VerifyReport", "verify_journal"]

WINDOW_RECORDS = 200_000
WINDOW_BATCHES = 5_000
DIFFERENCES_MAX = 10_000  # a longer list helps nobody
Progress = Callable[[int, int], None]
ReadFacts = Callable[[asyncpg.Connection, int, int], Awaitable[dict[int, FactsOfBatch]]]


@dataclass(frozen=True)
class Checkpoint:
    """What a batch's digest was (`algorithm:hex`), known from outside the database."""

    batch: int
    digest: str


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was recorded: in which batch, what (a stable word), and in words."""

    batch: int
    what: str
    detail: str


@dataclass
class VerifyReport:
    """What was verified, up to which batch and digest, and what differs, in order of batches."""

    batches: int = 0
    records: int = 0
    batch: int = 0
    digest: str = ""
    differences: list[Difference] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether everything is as it was recorded."""
        return not self.differences

    @property
    def first(self) -> Difference | None:
        """The first difference."""
        return self.differences[0] if self.differences else None

    def as_dict(self) -> dict[str, Any]:
        """The report for people and programs."""
        return {"equal": self.equal, **asdict(self)}

    def differ(self, batch: int, what: str, detail: str) -> None:
        """Note a difference."""
        if len(self.differences) < DIFFERENCES_MAX:
            self.differences.append(Difference(batch, what, detail))


async def verify_journal(
    connection: asyncpg.Connection,
    progress: Progress | None = None,
    *,
    read_facts: ReadFacts,
    checkpoints: Sequence[Checkpoint] = (),
) -> VerifyReport:
    """Recompute the journal from its first batch to its last; `progress` gets (batches done, batches in all).

    `read_facts` is the registry's own account of what its batches' digests cover. Reads one snapshot, so it may run
    while batches are recorded. The connection must be allowed to read every table of the journal.
    """
    report = VerifyReport()
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        head = int(await connection.fetchval("select coalesce(max(batch), 0) from batch"))
        corrections = await Corrections.read(connection)
        chain = Chain(await Names.read(connection), report.differ)
        chain.digests_wanted = {one.batch: one.digest for one in checkpoints}

        keys = Keys()

        def check(window: Window) -> None:
            chain.check(window)
            keys.check(window.wire)
            corrections.check(window.wire, report.differ)

        checking = asyncio.create_task(asyncio.sleep(0))
        last = 0
        while last < head:
            window = await _read_window(connection, last, read_facts)
            last = window.last
            await checking
            checking = asyncio.create_task(asyncio.to_thread(check, window))
            if progress is not None:
                progress(last, head)
        await checking
        corrections.finish(report.differ)
        if await asyncio.to_thread(keys.suspicious):
            for first, again in await keys_twice(connection):
                report.differ(again, "twice", f"a record that batch {first} recorded stands here again")
        for table, count in chain.names.uncovered().items():
            report.differ(head, "names", f"{count} names of {table} are covered by no batch")
        for one in checkpoints:
            if one.batch > head:
                report.differ(head + 1, "cut", f"the journal ends at batch {head}; it once had batch {one.batch}")
        await _check_strays(connection, head, report)
    report.batches, report.records = chain.batches, chain.records
    report.batch, report.digest = chain.batch, chain.stated
    report.differences.sort(key=lambda one: one.batch)
    return report


async def _read_window(connection: asyncpg.Connection, after: int, read_facts: ReadFacts) -> Window:
    """The batches that follow the number `after`: at least one, at most about WINDOW_RECORDS records."""
    batches = await connection.fetch(
        """select * from (
               select b.*, s.name as source_name, sum(b.accepted) over (order by b.batch) as so_far,
                      row_number() over (order by b.batch) as place
               from (select * from batch where batch > $1 order by batch limit $2) b
               left join source s on s.id = b.source
           ) numbered where so_far <= $3 or place = 1 order by batch""",
        after, WINDOW_BATCHES, WINDOW_RECORDS,
    )  # fmt: skip
    last = int(batches[-1]["batch"])
    between = "where batch > $1 and batch <= $2"
    bodies = await connection.fetch(f"select batch, codec, body from batch_body {between}", after, last)
    quarantined: dict[int, list[asyncpg.Record]] = {}
    for row in await connection.fetch(
        f"select id, batch, source, status, record, digest from quarantine {between} order by batch, id", after, last
    ):
        quarantined.setdefault(row["batch"], []).append(row)
    return Window(
        last=last,
        batches=batches,
        wire=await read_wire(connection, after + 1, last),
        bodies={row["batch"]: row for row in bodies},
        quarantined=quarantined,
        facts=await read_facts(connection, after, last),
    )


async def _check_strays(connection: asyncpg.Connection, head: int, report: VerifyReport) -> None:
    """Records that lie before the first batch or beyond the last."""
    for table in ("entry", "reversal"):
        rows = await connection.fetch(
            f"select batch, count(*) as records from {table} where batch > $1 or batch < 1 group by batch", head
        )
        for row in rows:
            report.differ(row["batch"], "stray", f"{row['records']} rows of {table} belong to no batch")
