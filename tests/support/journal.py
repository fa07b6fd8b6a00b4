"""What every journal must be after whatever was done to it."""

from __future__ import annotations

import asyncpg

from meter.journal.verify.journal import verify_journal
from meter.registry.proof import facts_of_batches
from meter.registry.queries import rules_as_of


async def journal_is_whole(owner: asyncpg.Connection, entries: int | None = None) -> None:
    """Numbers without gaps, a chain that verifies, no id twice, and (if given) so many entries."""
    head, batches = await owner.fetchrow("select max(batch), count(*) from batch")
    assert head == batches
    assert (await verify_journal(owner, read_facts=facts_of_batches, read_rules=rules_as_of)).differences == []
    rows, keys = await owner.fetchrow("select count(*), count(distinct key) from entry")
    assert rows == keys
    assert entries is None or rows == entries
