"""Concurrent clients of two machines on one database: what they were told is what one journal can have told.

Two services with key files of their own record in one database, one of them through a network that loses answers.
Everything that clients invoke and are told is written down, and `harness/history.py` looks for the moments at which it
can have happened. That a standby is never read is in test_taken_back.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import asyncpg
import httpx
import pytest
import pytest_asyncio

from tests.faults.harness import figures
from tests.faults.harness.history import (
    ACCEPTED,
    CONFLICT,
    DUPLICATE,
    EMPTY,
    FOREVER,
    UNKNOWN,
    Count,
    Look,
    Operation,
    Push,
    Stored,
    contradictions,
)
from tests.faults.harness.oracle import key_of
from tests.faults.harness.proxy import FaultProxy
from tests.faults.harness.scale import SCALE, TIMEOUT_SECONDS, deadline
from tests.faults.harness.seeds import kept_when_it_fails, seeds_of
from tests.support.api_client import ApiClient, KeyClient
from tests.support.journal import journal_is_whole
from tests.support.postgres import folder_for_postgres
from tests.support.records import as_array, usage, uscc
from tests.support.serving import Served, over_http

CLIENTS = 6
VALUES = (1, 2)
"""What clients send for one id: the first to come is recorded, the other is a conflict."""


@dataclass(frozen=True)
class Machines:
    """Two services, the network of the second, and the database behind both."""

    doors: tuple[ApiClient, ApiClient]
    proxy: FaultProxy
    owner: asyncpg.Connection


@pytest_asyncio.fixture(scope="module")
async def machines(database: str) -> AsyncIterator[Machines]:
    """Two services, each with a data directory, and thus a key file, of its own."""
    with folder_for_postgres() as folder:
        async with FaultProxy.before(database) as proxy, contextlib.AsyncExitStack() as held:
            doors = []
            for number, url in enumerate((database, proxy.url)):
                data = str(folder / f"machine-{number}")
                served = Served({"DATABASE_URL": url}, ("--workers", "1", "--job-workers", "0", "--data", data))
                await asyncio.to_thread(served.start)
                held.callback(served.kill)
                doors.append(await held.enter_async_context(over_http(served.url, database)))
            await doors[0].register_the_usual()
            owner = await asyncpg.connect(database)
            held.push_async_callback(owner.close)
            yield Machines((doors[0], doors[1]), proxy, owner)
            assert len(list(folder.glob("machine-*/keys/*"))) >= 2


@dataclass
class Run:
    """One history: who sends under which name, and everything that happened."""

    machines: Machines
    platforms: tuple[KeyClient, KeyClient]
    consumer: str
    ids: list[str]
    chance: random.Random
    operations: list[Operation] = field(default_factory=list)

    async def client(self) -> None:
        """Do one thing after the other."""
        for _ in range(SCALE.operations):
            at = self.chance.randrange(len(self.platforms))
            name, value = self.chance.choice(self.ids), self.chance.choice(VALUES)
            drawn = self.chance.random()
            if drawn < 0.6:
                await self._push(self.platforms[at], name, value)
            elif drawn < 0.9:
                await self._look(self.platforms[at], name)
            else:
                await self._count(self.platforms[at])

    async def _push(self, platform: KeyClient, name: str, value: int) -> None:
        began, told, batch = time.monotonic(), UNKNOWN, 0
        with contextlib.suppress(httpx.TransportError):  # then nothing was told
            answer = await platform.send(as_array([usage(name, consumer=self.consumer, charge_fen=value)]))
            told, batch = _told(answer)
        ended = time.monotonic() if told != UNKNOWN else FOREVER
        self.operations.append(Push(name, value, began, ended, told, batch))

    async def _look(self, platform: KeyClient, name: str) -> None:
        began = time.monotonic()
        answer = await _asked(platform, f"/usage-records/{platform.name}/{name}")
        if answer.status_code == 503:
            return  # nothing was told
        assert answer.status_code in (200, 404), answer.text
        value = answer.json()["record"]["charge_fen"] if answer.status_code == 200 else EMPTY
        self.operations.append(Look(name, value, began, time.monotonic()))

    async def _count(self, platform: KeyClient) -> None:
        began = time.monotonic()
        answer = await _asked(platform, "/usage-totals", by="consumer")
        if answer.status_code == 503:
            return
        mine = [one for one in answer.json()["items"] if one["consumer"] == self.consumer]
        records, fen = (mine[0]["records"], mine[0]["charge_fen"]) if mine else (0, 0)
        self.operations.append(Count(records, fen, began, time.monotonic()))

    async def lose_answers(self) -> None:
        """Cut the second machine's connections at the answer to a commit, again and again."""
        while True:
            self.machines.proxy.cut = done = asyncio.Event()
            await done.wait()
            await asyncio.sleep(0.2 * self.chance.random())

    async def stored(self) -> dict[str, Stored]:
        """What stands in the database in the end."""
        owner, source = self.machines.owner, self.platforms[0].name
        number = await owner.fetchval("select id from source where name = $1", source)
        rows = await owner.fetch("select uuid_send(key) as key, batch, charge_fen from entry where source = $1", number)
        names = {key_of(number, name): name for name in self.ids}
        found = {names[row["key"]]: Stored(row["charge_fen"], row["batch"]) for row in rows}
        assert len(found) == len(rows), "an id stands there twice"
        return found


def _told(answer: httpx.Response) -> tuple[str, int]:
    """What became of a record, and its batch."""
    if answer.status_code == 503:
        return UNKNOWN, 0
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["refused"] == 0, said
    return next(kind for kind in (ACCEPTED, DUPLICATE, CONFLICT) if said[kind]), said["batch"]


async def _asked(platform: KeyClient, path: str, **query: object) -> httpx.Response:
    """An answer; a connection that breaks tells as little as 503."""
    try:
        return await platform.get(path, **query)
    except httpx.TransportError:
        return httpx.Response(503)


async def one_history(machines: Machines, seed: int, number: int) -> Run:
    """Let clients loose on both machines."""
    platform = await machines.doors[0].platform(f"history-{seed}-{number}")
    second = KeyClient(machines.doors[1].client, platform.key, platform.name)
    ids = [f"h{number}-{place}" for place in range(CLIENTS * SCALE.operations // 6)]
    run = Run(machines, (platform, second), uscc(6000 + number), ids, random.Random(f"{seed}-{number}"))
    losing = asyncio.create_task(run.lose_answers())
    await asyncio.gather(*(run.client() for _ in range(CLIENTS)))
    losing.cancel()
    machines.proxy.cut = None
    return run


@pytest.mark.timeout(TIMEOUT_SECONDS)
@pytest.mark.parametrize("seed", seeds_of("history"))
async def test_what_clients_of_two_machines_are_told_is_what_one_journal_can_tell(
    machines: Machines, seed: int
) -> None:
    told: Counter[str] = Counter()
    with kept_when_it_fails("history", seed):
        done, until = 0, deadline()
        for number in range(SCALE.histories):
            if time.monotonic() > until:
                break
            done += 1
            run = await one_history(machines, seed, number)
            found = list(contradictions(run.operations, await run.stored()))
            told.update(one.told if isinstance(one, Push) else type(one).__name__ for one in run.operations)
            assert found == []
        assert machines.proxy.hits["cut at a commit's answer"] > 0
        assert all(told[kind] for kind in (ACCEPTED, DUPLICATE, CONFLICT, UNKNOWN, "Look", "Count")), told
        figures.record(
            "histories", histories=done, operations=sum(told.values()), told=dict(told), contradictions=0,
            bound_95=figures.bound(sum(told.values())),
        )  # fmt: skip
        await journal_is_whole(machines.owner)


def pushed(told: str, began: float, ended: float, value: int = 1, batch: int = 1, name: str = "a") -> Push:
    """A push of one id."""
    return Push(name, value, began, ended, told, batch)


ONE = {"a": Stored(1, 1)}
GOOD: dict[str, tuple[list[Operation], dict[str, Stored]]] = {
    "accepted, then a repeat": ([pushed(ACCEPTED, 0, 1), pushed(DUPLICATE, 2, 3)], ONE),
    "a repeat whose answer comes first": ([pushed(ACCEPTED, 0, 5), pushed(DUPLICATE, 1, 2)], ONE),
    "told nothing, and recorded": ([pushed(UNKNOWN, 0, FOREVER), Look("a", 1, 5, 6)], ONE),
    "told nothing, and not recorded": ([pushed(UNKNOWN, 0, FOREVER), Look("a", EMPTY, 5, 6)], {}),
    "empty, then full": (
        [pushed(ACCEPTED, 0, 9), Look("a", EMPTY, 1, 2), Look("a", 1, 3, 4), Count(1, 1, 10, 11)],
        ONE,
    ),
}
BAD: dict[str, tuple[list[Operation], dict[str, Stored]]] = {
    "lost": ([pushed(ACCEPTED, 0, 1)], {}),
    "accepted twice": ([pushed(ACCEPTED, 0, 1), pushed(ACCEPTED, 2, 3)], ONE),
    "another value": ([pushed(ACCEPTED, 0, 1, value=2)], ONE),
    "another batch": ([pushed(ACCEPTED, 0, 1, batch=2)], ONE),
    "a conflict called a repeat": ([pushed(ACCEPTED, 0, 1), pushed(DUPLICATE, 2, 3, value=2)], ONE),
    "a repeat called a conflict": ([pushed(ACCEPTED, 0, 1), pushed(CONFLICT, 2, 3)], ONE),
    "repeated before it was sent": ([pushed(DUPLICATE, 0, 1), pushed(ACCEPTED, 2, 3)], ONE),
    "empty after it was accepted": ([pushed(ACCEPTED, 0, 1), Look("a", EMPTY, 2, 3)], ONE),
    "full, then empty": ([pushed(ACCEPTED, 0, 9), Look("a", 1, 1, 2), Look("a", EMPTY, 3, 4)], ONE),
    "nobody sent it": ([], ONE),
    "numbers against time": (
        [pushed(ACCEPTED, 0, 1, batch=2), pushed(ACCEPTED, 2, 3, batch=1, name="b")],
        {"a": Stored(1, 2), "b": Stored(1, 1)},
    ),
    "a sum of no prefix": ([pushed(ACCEPTED, 0, 1), Count(1, 2, 2, 3)], ONE),
    "a count that lacks the acknowledged": ([pushed(ACCEPTED, 0, 1), Count(0, 0, 2, 3)], ONE),
    "a count of the future": ([Count(1, 1, 0, 1), pushed(ACCEPTED, 2, 3)], ONE),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_can_have_happened_is_believed(name: str) -> None:
    assert list(contradictions(*GOOD[name])) == []


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_have_happened_is_found(name: str) -> None:
    assert list(contradictions(*BAD[name])) != []
