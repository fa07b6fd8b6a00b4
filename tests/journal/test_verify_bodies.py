"""Verifying rows against bodies: a row that was written wrongly is found, though every digest fits it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from tests.journal.example import fill
from tests.journal.test_verify import recompute, verify
from tests.support.postgres import Cluster
from tests.support.records import uscc
from tests.support.serving import in_process


@pytest_asyncio.fixture(scope="module")
async def example(cluster: Cluster) -> AsyncIterator[asyncpg.Connection]:
    """The example journal, with every guard lifted."""
    async with cluster.database() as url:
        async with in_process(url) as door:
            await fill(door)
        connection = await asyncpg.connect(url)
        await connection.execute("set session_replication_role = replica")
        try:
            yield connection
        finally:
            await connection.close()


FIFTY = "batch = (select min(batch) from batch where kind = 'usage' and accepted = 50)"
ARROW = "batch = (select batch from batch_body where content_type like '%arrow%')"
REPLAYED = "batch = (select batch from batch where kind = 'replay')"
FIVE = f"uscc = '{uscc(30)}'"
WRITTEN_WRONGLY: dict[str, tuple[str, str]] = {
    "another consumer": (
        f"update entry set consumer = (select id from party where {FIVE}) where {FIFTY} and ordinal = 3",
        f"consumer is {uscc(30)}, received was {uscc(1)}",
    ),
    "a consumer that nobody is": (f"update entry set consumer = 999 where {FIFTY} and ordinal = 3", "number 999"),
    "another facility": (
        f"update entry set facility = (select id from facility where code = 'hf-02') where {FIFTY} and ordinal = 3",
        "facility is hf-02, received was hf-01",
    ),
    "another chip": (
        f"update entry set chip = (select id from chip where code = 'card-y') where {FIFTY} and ordinal = 3",
        "chip is card-y, received was card-a",
    ),
    "another charge": (
        f"update entry set charge_fen = 67310 where {FIFTY} and ordinal = 3",
        "charge_fen is 67310, received was 3",
    ),
    "more hours": (
        f"update entry set ended_at = ended_at + interval '1 h' where {FIFTY} and ordinal = 3",
        "ended_at is",
    ),
    "more cards": (f"update entry set millicards = 8000 where {FIFTY} and ordinal = 3", "millicards is 8000"),
    "another purpose": (f"update entry set purpose = 2 where {FIFTY} and ordinal = 3", "purpose is 2"),
    "another id": (f"update entry set key = gen_random_uuid() where {FIFTY} and ordinal = 3", "key is"),
    "two consumers exchanged": (
        f"update entry set consumer = (select max(consumer) + min(consumer) from entry where {ARROW} and ordinal < 2) "
        f"- consumer where {ARROW} and ordinal < 2",
        f"consumer is {uscc(31)}, received was {uscc(30)}",
    ),
    "a record that was not received": (
        f"update entry set ordinal = 77 where {FIFTY} and ordinal = 49",
        "what was received there is not there",
    ),
    "a replay's facility": (
        f"update entry set facility = (select id from facility where code = 'hf-04') where {REPLAYED} "
        "and facility = (select id from facility where code = 'hf-03')",
        "facility is hf-04, received was hf-03",
    ),
}


@pytest.mark.parametrize(("change", "said"), WRITTEN_WRONGLY.values(), ids=WRITTEN_WRONGLY.keys())
async def test_what_was_written_wrongly_is_found(example: asyncpg.Connection, change: str, said: str) -> None:
    tampering = example.transaction(isolation="repeatable_read")
    await tampering.start()
    try:
        assert (await example.execute(change)) not in ("UPDATE 0", "DELETE 0")
        await recompute(example, 1)
        report = await verify(example)
    finally:
        await tampering.rollback()
    assert {one.what for one in report.differences} == {"as_received"}
    assert any(said in one.detail for one in report.differences), report.differences


async def test_what_the_registry_never_let_in_is_found(example: asyncpg.Connection) -> None:
    """Records that stand in the journal though the registry of their time does not know their facility."""
    tampering = example.transaction(isolation="repeatable_read")
    await tampering.start()
    try:
        late = await example.fetchval("select min(batch) from batch where kind = 'facilities'")
        assert await example.execute("delete from facility_fact where batch = $1", late) == "DELETE 1"
        report = await verify(example)
    finally:
        await tampering.rollback()
    found = [one for one in report.differences if one.what == "as_received"]
    assert len(found) > 50
    assert all("stands in the journal" in one.detail for one in found)


async def test_an_untouched_journal_raises_no_alarm(example: asyncpg.Connection) -> None:
    assert (await verify(example)).differences == []
