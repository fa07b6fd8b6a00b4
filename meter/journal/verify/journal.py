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

from meter.intake.registry_view.registered import Registered
from meter.journal.store import last_number, read_wire
from meter.journal.verify import store
from meter.journal.verify.batches import RULES, Chain, FactsOfBatch, Window
from meter.journal.verify.bodies import Bodies
from meter.journal.verify.corrections import Corrections
from meter.journal.verify.keys import Keys
from meter.journal.verify.names import Names
from meter.vocabulary import USAGE_KINDS

__all__ = ["Checkpoint", "Difference", "FactsOfBatch", "VerifyReport", "verify_journal"]

WINDOW_RECORDS = 200_000
WINDOW_BATCHES = 5_000
DIFFERENCES_MAX = 10_000  # a longer list helps nobody
Progress = Callable[[int, int], None]
ReadRules = Callable[[asyncpg.Connection, int], Awaitable[Registered]]
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
    uncovered: dict[str, list[int]] = field(default_factory=dict)
    """Numbers of names that no batch covers, by table; a difference says how many."""

    @property
    def equal(self) -> bool:
        """Whether everything is as it was recorded."""
        return not self.differences

    @property
    def first(self) -> Difference | None:
        """The first difference."""
        return self.differences[0] if self.differences else None

    def as_dict(self) -> dict[str, Any]:
        """Return the report for people and programs."""
        said = asdict(self)
        del said["uncovered"]
        return {"equal": self.equal, **said}

    def differ(self, batch: int, what: str, detail: str) -> None:
        """Note a difference."""
        if len(self.differences) < DIFFERENCES_MAX:
            self.differences.append(Difference(batch, what, detail))


async def verify_journal(
    connection: asyncpg.Connection,
    progress: Progress | None = None,
    *,
    read_facts: ReadFacts,
    read_rules: ReadRules,
    checkpoints: Sequence[Checkpoint] = (),
) -> VerifyReport:
    """Recompute the journal from its first batch to its last; `progress` gets (batches done, batches in all).

    `read_facts` is the registry's own account of what its batches' digests cover, `read_rules` of the facilities and
    chips as of a batch. Reads one snapshot, so it may run while batches are recorded. The connection must be allowed to
    read every table of the journal.
    """
    report = VerifyReport()
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        head = await last_number(connection)
        corrections = await Corrections.read(connection)
        chain = Chain(await Names.read(connection), report.differ)
        chain.digests_wanted = {one.batch: one.digest for one in checkpoints}

        keys, bodies = Keys(), Bodies(chain.names, report.differ)

        def check(window: Window) -> None:
            chain.check(window)
            keys.check(window.wire)
            bodies.check(window)
            corrections.check(window.wire, report.differ)

        checking = asyncio.create_task(asyncio.sleep(0))
        last, rules = 0, Registered.of(0)
        while last < head:
            window = await _read_window(connection, last, rules, read_facts, read_rules)
            last, rules = window.last, window.rules
            await checking
            checking = asyncio.create_task(asyncio.to_thread(check, window))
            if progress is not None:
                progress(last, head)
        await checking
        corrections.finish(report.differ)
        if await asyncio.to_thread(keys.suspicious):
            for first, again in await store.keys_twice(connection):
                report.differ(again, "twice", f"a record that batch {first} recorded stands here again")
        report.uncovered = chain.names.uncovered()
        for table, numbers in report.uncovered.items():
            report.differ(head, "names", f"{len(numbers)} names of {table} are covered by no batch")
        for one in checkpoints:
            if one.batch > head:
                report.differ(head + 1, "cut", f"the journal ends at batch {head}; it once had batch {one.batch}")
        for table, batch, rows in await store.strays(connection, head):
            report.differ(batch, "stray", f"{rows} rows of {table} belong to no batch")
    report.batches, report.records = chain.batches, chain.records
    report.batch, report.digest = chain.batch, chain.stated
    report.differences.sort(key=lambda one: one.batch)
    return report


async def _read_window(
    connection: asyncpg.Connection, after: int, rules: Registered, read_facts: ReadFacts, read_rules: ReadRules
) -> Window:
    """Return the batches that follow the number `after`: at least one, at most about WINDOW_RECORDS records.

    It ends before the rules change under which its usage was checked; `rules` are those of the window before.
    """
    batches = await store.read_batches(connection, after, WINDOW_BATCHES, WINDOW_RECORDS)
    used = next((place for place, row in enumerate(batches) if row["kind"] in USAGE_KINDS), len(batches))
    changed = [place for place, row in enumerate(batches) if row["kind"] in RULES]
    batches = batches[: next((place for place in changed if place > used), len(batches))]
    if changed and changed[0] < used:
        rules = await read_rules(connection, max(batches[place]["batch"] for place in changed if place < used))
    last = int(batches[-1]["batch"])
    return Window(
        last=last,
        batches=batches,
        wire=await read_wire(connection, after + 1, last),
        bodies=await store.read_bodies(connection, after, last),
        quarantined=await store.read_quarantined(connection, after, last),
        facts=await read_facts(connection, after, last),
        rules=rules,
    )
