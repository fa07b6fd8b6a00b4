"""Random lives of payments and a faulty bank: nobody is paid twice, nothing is stuck, the ledgers agree to the fen."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from meter.database.scope import PROVINCE, acting
from settlement.payout.bank_files import exchange
from settlement.payout.worker import follow_up, work
from tests.payout.conftest import Paying
from tests.payout.durable_bank import WAYS, DurableBank
from tests.payout.files import balance, instructions
from tests.support.api_client import good
from tests.support.clock import later
from tests.support.postgres import Cluster
from tests.support.province import CITIES, locked, people_of, populate
from tests.support.serving import in_process
from tests.support.worlds import post

HISTORIES = int(os.environ.get("SUANBU_PAYMENTS", "30"))
AT_ONCE = 150
SEED = 20261130
PASSES, HEALING = 12, 12
HOURS = 25
FEW, ALL = 3, 1000
CRASHES = (
    ("worker", "send", FEW), ("worker", "mark", FEW), ("worker", "mark unknown", 2 * FEW), ("files", "write", FEW),
    ("files", "mark", FEW), ("worker", "marked", FEW), ("worker", "ask", ALL), ("worker", "send again", ALL),
    ("files", "answer", FEW), ("files", "marked", FEW), ("files", "claim", FEW), ("worker", "claim", FEW),
)  # fmt: skip
"""Where a job dies: its door, the step, how much it leased; what was never leased goes first, so few are new ones."""


class Crash(BaseException):
    """The job dies here: nothing after this runs."""


@dataclass
class World:
    """A province that pays, its bank, and what happened to both so far."""

    paying: Paying
    bank: DurableBank
    folder: Path
    chance: random.Random
    hours: int = 0
    crashed: dict[tuple[str, str], int] = field(default_factory=dict)
    retried: set[str] = field(default_factory=set)
    settled: int = 0

    async def run(self, door: str, *, limit: int, step: Callable[[str], None] = lambda _: None) -> None:
        """One pass of a job, so many hours from the start."""
        self.hours += HOURS
        ahead = self.hours
        clock = lambda: datetime.now(UTC) + timedelta(hours=ahead)  # noqa: E731 - a clock is one expression
        engine = self.paying.door.engine
        async with later(self.paying.owner, hours=ahead):
            with acting(PROVINCE):
                if door == "files":
                    await exchange(
                        engine, self.folder, worker="f", limit=limit, actor="command line", clock=clock, step=step
                    )
                else:
                    await work(
                        engine, self.bank, worker="w", limit=limit, actor="command line:w", clock=clock, step=step
                    )

    async def crash(self, door: str, at: str, limit: int, after: int) -> None:
        """One pass that dies at a step, if it comes to it so often."""
        left = [after]

        def stop(reached: str) -> None:
            left[0] -= reached == at
            if reached == at and left[0] < 0:
                self.crashed[door, at] = self.crashed.get((door, at), 0) + 1
                raise Crash

        try:
            await self.run(door, limit=limit, step=stop)
        except Crash:
            return

    async def decide(self, share: float) -> None:
        """People look at what failed, came back or is disputed."""
        for one in await instructions(self.paying):
            if self.chance.random() > share:
                continue
            if one["status"] in ("failed", "returned"):
                good(await post(self.paying.people.approver, f"/payouts/{one['id']}/retry"))
                self.retried.add(one["reference"])
            elif one["status"] == "disputed" and self.bank.healed:
                await self._settle(one)

    async def _settle(self, one: dict[str, Any]) -> None:
        """Two people end a dispute as the bank's journal says; what is too much, or wrong, goes back first."""
        base = one["reference"].split("-R")[0]
        net = self.bank.net(base)
        if net not in (0, one["amount_fen"]):
            open_ones = [
                name for name, payment in self.bank.payments.items()
                if name.split("-R")[0] == base and payment.state == "paid"
            ]  # fmt: skip
            self.bank.take_back(open_ones[0])
            return
        outcome = {"outcome": "paid" if net else "failed"}
        path = f"/payouts/{one['id']}/settle"
        first = await post(self.paying.people.approver, path, outcome)
        if first.status_code == 409 and first.json()["code"] == "ISSUE_OPEN":
            if one["reference"] not in self.bank.payments:  # the bank never had it, it tells whoever asks
                good(await post(self.paying.people.payer, f"/payouts/{one['id']}/failed"))
            return
        if first.status_code == 200 and first.json()["status"] == "disputed":
            good(await post(self.paying.people.second, path, outcome))
            self.settled += 1

    async def ask_again(self) -> None:
        """Ask about what is paid or disputed."""
        known = [one for one in await instructions(self.paying) if one["status"] in ("paid", "disputed")]
        with acting(PROVINCE):
            await follow_up(
                self.paying.door.engine, self.bank, known, actor="command line:w", clock=lambda: datetime.now(UTC)
            )


async def some_time(world: World) -> None:
    """The bank does what it does at night, often reads its files, and people decide about some."""
    world.bank.night(world.retried)
    if world.chance.random() < 0.6:
        world.bank.read_files(world.folder)
    await world.decide(0.6)


async def live(world: World) -> None:
    """A time of faults, then a bank that is well again."""
    (world.folder / "in").mkdir(parents=True)
    for door, step, limit in CRASHES:
        await world.crash(door, step, limit, 0)
        await some_time(world)
    for _ in range(PASSES):
        door, step, _ = world.chance.choice(CRASHES)
        await world.crash(door, step, world.chance.choice((2, FEW, ALL)), world.chance.choice((0, 1, 2)))
        await world.run(world.chance.choice(("worker", "files")), limit=world.chance.choice((2, FEW, ALL)))
        await some_time(world)
    world.bank.healed = True
    for _ in range(HEALING):
        world.bank.night(world.retried)
        world.bank.read_files(world.folder)
        await world.run("files", limit=1000)
        await world.run("worker", limit=1000)
        await world.ask_again()
        await world.decide(1)
        if all(one["status"] == "paid" for one in await instructions(world.paying)):
            return


@pytest.mark.timeout(3600)
async def test_nobody_is_paid_twice_nothing_is_stuck_and_the_ledgers_agree(cluster: Cluster, tmp_path: Path) -> None:
    ways, crashes, settled = dict.fromkeys(WAYS, 0), dict[tuple[str, str], int](), 0
    for turn, start in enumerate(range(0, HISTORIES, AT_ONCE)):
        chance = random.Random(SEED + turn)
        folder = tmp_path / str(turn)
        async with cluster.database() as url, in_process(url) as door:
            await populate(door, max(1, min(AT_ONCE, HISTORIES - start) // len(CITIES)))
            people = await people_of(door)
            made = await locked(people)
            owner = await asyncpg.connect(url)
            try:
                world = World(
                    Paying(door, people, made["id"], owner), DurableBank(tmp_path / f"journal-{turn}", chance),
                    folder, chance,
                )  # fmt: skip
                await live(world)
                await _all_is_well(world)
            finally:
                await owner.close()
        for way, hits in world.bank.hit.items():
            ways[way] += hits
        for crash, hits in world.crashed.items():
            crashes[crash] = crashes.get(crash, 0) + hits
        settled += world.settled
    print(ways, crashes, settled)
    assert all(ways.values()), f"a fault that never hit proves nothing: {ways}"
    missing = {(door, step) for door, step, _ in CRASHES} - set(crashes)
    assert not missing, f"a crash that never happened proves nothing: {missing}"
    assert settled, "no dispute was ended by two people"


async def _all_is_well(world: World) -> None:
    everything = await instructions(world.paying)
    states = {one["reference"]: one["status"] for one in everything}
    assert set(states.values()) == {"paid"}, "stuck although the bank is well: " + str(states)
    for one in everything:
        base = one["reference"].split("-R")[0]
        assert world.bank.net(base) == one["amount_fen"], f"{base} was not paid exactly once"
    ours = {theirs: fen for theirs, fen in (await balance(world.paying)).items() if fen}
    assert ours == world.bank.balance()
