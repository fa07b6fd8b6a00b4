"""The connection to PostgreSQL is lost just after, or just before, a commit: the retry finds out which.

Killing servers hardly ever hits the moment between the commit and its answer; a proxy that cuts there always does.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest_asyncio

from meter.journal.verify.journal import verify_journal
from meter.registry.proof import facts_of_batches
from meter.registry.queries import rules_as_of
from tests.support.api_client import ApiClient, KeyClient, counts, good, problem
from tests.support.proxy import CuttingProxy
from tests.support.records import as_array, chip, facility, usage, void
from tests.support.serving import in_process

CYCLES = int(os.environ.get("SUANBU_FAULT_CYCLES", "2")) * 3


@dataclass(frozen=True)
class Cut:
    """A service whose database can be cut off, and a platform that sends to it."""

    door: ApiClient
    proxy: CuttingProxy
    platform: KeyClient
    registrar: KeyClient


@pytest_asyncio.fixture(scope="module")
async def cut(database: str) -> AsyncIterator[Cut]:
    """The service behind the proxy."""
    async with CuttingProxy.before(database) as proxy, in_process(proxy.url) as door:
        registrar = await door.register_the_usual()
        yield Cut(door, proxy, await door.platform(), registrar)


async def test_committed_but_the_answer_was_lost_the_retry_says_duplicate_with_the_same_receipt(cut: Cut) -> None:
    hits = 0
    for i in range(CYCLES):
        records = [usage(f"after-{i}-{n}", charge_fen=n) for n in range(3)]
        cut.proxy.hits, cut.proxy.after_commit = 0, True
        lost = await cut.platform.send(as_array(records))
        cut.proxy.after_commit = False
        assert problem(lost) == (503, "journal_unavailable")
        assert lost.headers["retry-after"]
        hits += cut.proxy.hits
        retry = await cut.platform.push(*records)
        assert counts(retry) == [0, 3, 0, 0]
        stored = good(await cut.platform.get(f"/batches/{retry['batch']}"))
        assert (stored["digest"], stored["accepted"]) == (retry["digest"], 3)
    assert hits >= CYCLES, "the fault must have hit every time"


async def test_lost_before_the_commit_the_retry_is_recorded(cut: Cut) -> None:
    hits = 0
    for i in range(CYCLES):
        record = usage(f"before-{i}")
        cut.proxy.hits, cut.proxy.before_commit = 0, True
        lost = await cut.platform.send(as_array([record]))
        cut.proxy.before_commit = False
        assert problem(lost) == (503, "journal_unavailable")
        hits += cut.proxy.hits
        assert (await cut.platform.get(f"/usage-records/{cut.platform.name}/before-{i}")).status_code == 404
        assert counts(await cut.platform.push(record)) == [1, 0, 0, 0]
    assert hits >= CYCLES, "the fault must have hit every time"


async def test_a_lost_answer_to_corrections_and_refusals_is_found_out_alike(cut: Cut) -> None:
    await cut.platform.push(usage("orig"))
    records = [void("undo", "orig"), usage("refused", cards=0), usage("orig", charge_fen=5)]
    cut.proxy.hits, cut.proxy.after_commit = 0, True
    assert (await cut.platform.send(as_array(records))).status_code == 503
    cut.proxy.after_commit = False
    assert cut.proxy.hits >= 1
    assert counts(await cut.platform.push(*records)) == [0, 1, 1, 1]
    kept = await cut.platform.items("/quarantine", limit=1000)
    assert len([one for one in kept if one["id"] in ("refused", "orig")]) == 2, "kept once"


async def test_a_lost_answer_to_a_registry_put_is_found_out_alike(cut: Cut) -> None:
    for i in range(3):
        cut.proxy.hits, cut.proxy.after_commit = 0, True
        assert (await cut.registrar.put("/facilities", [facility(f"lost-{i}")])).status_code == 503
        cut.proxy.after_commit = False
        assert cut.proxy.hits >= 1
        assert counts(good(await cut.registrar.put("/facilities", [facility(f"lost-{i}")]))) == [0, 1, 0, 0]
        assert (await cut.platform.push(usage(f"at-lost-{i}", facility=f"lost-{i}")))["accepted"] == 1
        assert counts(good(await cut.registrar.put("/chips", [chip(f"lost-{i}")]))) == [1, 0, 0, 0]


async def test_afterwards_the_journal_is_whole(cut: Cut, database: str) -> None:
    connection = await asyncpg.connect(database)
    try:
        head, batches = await connection.fetchrow("select max(batch), count(*) from batch")
        report = await verify_journal(connection, read_facts=facts_of_batches, read_rules=rules_as_of)
    finally:
        await connection.close()
    assert head == batches
    assert report.differences == []
    items = await cut.platform.items("/usage-totals")
    counted = CYCLES * 3 + CYCLES + 3
    assert (items[0]["records"], items[0]["card_hours"]) == (counted, str(counted))
