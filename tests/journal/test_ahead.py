"""Groups that are sent before their turn: everything is recorded once, in order, whatever happens to the one before."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import asyncpg
import pytest

from meter.database.locks import AdvisoryLock
from meter.journal import store
from meter.journal.keys.known_keys import KnownKeys
from meter.journal.write import recorder
from meter.journal.write.group import Group
from meter.journal.write.transaction import HeadMoved
from tests.support.api_client import ApiClient, KeyClient, good
from tests.support.journal import journal_is_whole
from tests.support.records import NDJSON, Record, as_lines, usage, void
from tests.support.serving import in_process


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Every delivery is a group of its own that goes ahead if it can; how many did, and how many were outrun."""
    monkeypatch.setattr(recorder, "AHEAD_RECORDS", 1)
    monkeypatch.setattr(recorder, "AHEAD_AGAIN_GROUPS", 0)
    monkeypatch.setattr(recorder, "GROUP_DELIVERIES", 1)
    seen = {"ahead": 0, "outrun": 0}
    record_ahead = Group.record_ahead

    async def counted(self: Group, *arguments: Any) -> Any:
        seen["ahead"] += 1
        try:
            return await record_ahead(self, *arguments)
        except HeadMoved:
            seen["outrun"] += 1
            raise

    monkeypatch.setattr(Group, "record_ahead", counted)
    return seen


def batch(name: str, size: int = 30) -> list[Record]:
    """Records of one delivery."""
    return [usage(f"{name}-{number}", charge_fen=number) for number in range(size)]


async def received(sender: KeyClient, *deliveries: list[Record]) -> list[dict[str, Any]]:
    """The receipts of deliveries sent at once; who is told to come back does."""

    async def one(records: list[Record]) -> dict[str, Any]:
        for _ in range(200):
            answer = await sender.send(as_lines(records), NDJSON)
            if answer.status_code != 503:
                break
            await asyncio.sleep(0.05)
        return good(answer)

    return list(await asyncio.gather(*(one(records) for records in deliveries)))


async def entries(owner: asyncpg.Connection) -> int:
    """How many entries there are."""
    return int(await owner.fetchval("select count(*) from entry"))


async def test_what_goes_ahead_is_recorded_once_and_in_order(
    platform: KeyClient, owner: asyncpg.Connection, ahead: dict[str, int]
) -> None:
    before = await entries(owner)
    receipts = await received(platform, *(batch(f"order-{number}") for number in range(40)))
    assert [receipt["accepted"] for receipt in receipts] == [30] * 40
    assert ahead["ahead"] > 20
    assert ahead["outrun"] == 0
    assert len({receipt["batch"] for receipt in receipts}) == 40
    await journal_is_whole(owner, before + 40 * 30)


async def test_copies_repeats_corrections_and_small_ones_between_them_are_seen(
    platform: KeyClient, owner: asyncpg.Connection, ahead: dict[str, int]
) -> None:
    before = await entries(owner)
    chance = random.Random(3)
    deliveries = [batch(f"twice-{number // 2}") for number in range(24)]  # each twice
    deliveries += [[*batch(f"inside-{number}", 5), *batch(f"inside-{number}", 3)] for number in range(4)]
    deliveries += [[usage(f"twice-{number}-7", charge_fen=999)] for number in range(12)]  # the same id, another record
    chance.shuffle(deliveries)
    receipts = await received(platform, *deliveries)
    totals = {
        name: sum(receipt[name] for receipt in receipts) for name in ("accepted", "duplicate", "conflict", "refused")
    }
    assert totals["accepted"] == 12 * 30 + 4 * 5
    assert totals["conflict"] + totals["duplicate"] == 12 * 30 + 4 * 3 + 12
    assert totals["conflict"] >= 12
    await received(platform, *([void(f"void-{number}", f"twice-{number}-9")] for number in range(12)), batch("after"))
    assert ahead["ahead"] > 0
    assert await owner.fetchval("select count(*) from reversal r join entry e using (key)") >= 12
    await journal_is_whole(owner, before + 12 * 30 + 4 * 5 + 12 + 30)


async def while_the_first_is_sent(
    monkeypatch: pytest.MonkeyPatch, then: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """When two groups are under way at once, and the later has sent its rows, do something (in this loop); once."""
    append_entries, done, here = store.append_entries, asyncio.Event(), asyncio.get_running_loop()
    calls = 0

    async def held(connection: Any, wire: Any) -> None:
        nonlocal calls
        calls += 1
        mine = calls
        await append_entries(connection, wire)
        if mine == 1:  # wait for the one that goes ahead
            for _ in range(600):
                if done.is_set():
                    return
                await asyncio.sleep(0.01)
            raise AssertionError("nobody went ahead")
        if mine == 2:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(then(), here))
            done.set()

    monkeypatch.setattr(store, "append_entries", held)


async def test_when_the_one_before_comes_to_nothing_nothing_is_lost_or_doubled(
    platform: KeyClient, owner: asyncpg.Connection, ahead: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await entries(owner)

    async def kill() -> None:
        killed = await owner.fetch(
            "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objid = $1 and granted",
            AdvisoryLock.APPENDING,
        )
        assert len(killed) == 1

    await while_the_first_is_sent(monkeypatch, kill)
    receipts = await received(platform, batch("killed"), batch("outrun"))
    assert [receipt["accepted"] for receipt in receipts] == [30, 30]
    assert ahead["outrun"] == 1
    again = await received(platform, batch("killed"), batch("outrun"))
    assert [receipt["duplicate"] for receipt in again] == [30, 30]
    await journal_is_whole(owner, before + 60)


async def test_when_the_key_file_is_thrown_away_between_nothing_is_doubled(
    platform: KeyClient, owner: asyncpg.Connection, ahead: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await entries(owner)
    note_ahead = KnownKeys.note_ahead
    thrown = 0

    def throwing(self: KnownKeys, *arguments: Any) -> bytes:
        nonlocal thrown
        generation = note_ahead(self, *arguments)
        if not thrown:
            thrown = 1
            with self.file.held():
                self.file.discard()
        return generation

    monkeypatch.setattr(KnownKeys, "note_ahead", throwing)
    receipts = await received(platform, *(batch(f"thrown-{number // 2}") for number in range(20)))
    assert thrown
    assert ahead["outrun"] > 0
    assert sum(receipt["accepted"] for receipt in receipts) == 300
    assert sum(receipt["duplicate"] for receipt in receipts) == 300
    await journal_is_whole(owner, before + 300)


async def test_when_somebody_else_comes_between_it_is_recorded_after_them(
    app: ApiClient,
    platform: KeyClient,
    owner: asyncpg.Connection,
    ahead: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = await entries(owner)
    async with in_process(app.url) as second:
        other = KeyClient(second.client, platform.key, platform.name)
        await other.push(usage("caught-up"))
        between: list[asyncio.Task[dict[str, Any]]] = []

        async def come_between() -> None:
            between.append(asyncio.create_task(other.push(usage("between"))))
            waiting = "select count(*) from pg_locks where locktype = 'advisory' and objid = $1 and not granted"
            for _ in range(600):
                if await owner.fetchval(waiting, AdvisoryLock.APPENDING):
                    return
                await asyncio.sleep(0.01)
            raise AssertionError("nobody waits for the journal's lock")

        await while_the_first_is_sent(monkeypatch, come_between)
        receipts = await received(platform, batch("before-it"), batch("after-it"))
        assert [receipt["accepted"] for receipt in receipts] == [30, 30]
        first, later = sorted(receipt["batch"] for receipt in receipts)
        assert (await between[0])["batch"] == first + 1 == later - 1
    assert ahead["outrun"] == 1
    await journal_is_whole(owner, before + 62)


@pytest.mark.usefixtures("ahead")
async def test_two_services_that_go_ahead_of_each_other_lose_and_double_nothing(
    app: ApiClient, platform: KeyClient, owner: asyncpg.Connection
) -> None:
    before = await entries(owner)
    async with in_process(app.url) as second:
        other = KeyClient(second.client, platform.key, platform.name)
        deliveries = [batch(f"both-{number}") for number in range(20)]
        receipts = await asyncio.gather(received(platform, *deliveries), received(other, *reversed(deliveries)))
    totals = [sum(receipt[name] for part in receipts for receipt in part) for name in ("accepted", "duplicate")]
    assert totals == [600, 600]
    await journal_is_whole(owner, before + 600)
