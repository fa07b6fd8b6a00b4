"""Records race with the cut of a settlement, its lock and its adjustments: each is in the cut or after it, none missed.

What a settlement saw is compared with plain sums over the receipts: its charges are those of all batches up to `as_of`,
and whatever was acknowledged before it was asked for is among them. `make faults` has 500 races.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from tests.faults.harness import figures
from tests.faults.harness.scale import SCALE, TIMEOUT_SECONDS, deadline
from tests.faults.harness.seeds import kept_when_it_fails, seeds_of
from tests.support.api_client import ApiClient, KeyClient, good
from tests.support.journal import journal_is_whole
from tests.support.province import People, approved, decide, people_of
from tests.support.records import entity, usage
from tests.support.worlds import post

SENDERS, PUSHES, CLOSERS = 3, 4, 2
LOCK_EVERY = 5
"""Each fifth round one settlement goes on to its lock and its adjustments, while records keep coming."""


@dataclass
class Ledger:
    """Plain sums: what every batch added, and how far the journal was known to be."""

    fen: dict[int, int] = field(default_factory=dict)
    newest: int = 0
    sent: int = 0

    def up_to(self, batch: int) -> int:
        """The charges of all batches up to one."""
        return sum(fen for number, fen in self.fen.items() if number <= batch)

    async def push(self, platform: KeyClient, chance: random.Random) -> None:
        """Send some records, and note their receipt."""
        charges = [chance.randrange(1, 1000) for _ in range(chance.randrange(1, 6))]
        names = range(self.sent, self.sent + len(charges))
        self.sent += len(charges)
        receipt = await platform.push(
            *(usage(f"r{name}", charge_fen=fen) for name, fen in zip(names, charges, strict=True))
        )
        assert receipt["accepted"] == len(charges)
        self.fen[receipt["batch"]] = self.fen.get(receipt["batch"], 0) + sum(charges)
        self.newest = max(self.newest, receipt["batch"])


@dataclass
class Race:
    """One database, its people, and what was counted."""

    people: People
    platform: KeyClient
    chance: random.Random
    ledger: Ledger = field(default_factory=Ledger)
    asked: int = 0
    closes: int = 0
    met: int = 0
    """Closes before whose cut some record of their own round came, and after whose cut another."""
    missed: int = 0

    async def close(self, path: str, body: object = None) -> dict[str, Any]:
        """Ask for a settlement, and compare what it saw with what the receipts say."""
        known = self.ledger.newest
        answer = await post(self.people.clerk, path, body)
        assert answer.status_code in (200, 201), answer.text
        made: dict[str, Any] = answer.json()
        self.closes += 1
        assert made["as_of"] >= known, "something acknowledged before the question lies after the cut"
        return made

    def judge(self, made: dict[str, Any], before: int) -> None:
        """Compare a settlement's charges with the receipts, once all of them are here."""
        totals = made["totals"]
        seen = totals["charge_in_window_fen"] + totals["charge_outside_window_fen"]
        self.missed += seen != self.ledger.up_to(made["as_of"])
        self.met += before < made["as_of"] < self.ledger.newest

    async def round(self, number: int) -> None:
        """Let senders and closers loose on each other."""
        before = self.ledger.newest
        senders = [self._send() for _ in range(SENDERS)]
        settled = [self._settle() for _ in range(CLOSERS)]
        found = await asyncio.gather(*settled, *senders)
        made = [one for one in found if one is not None]
        for one in made:
            self.judge(one, before)
        if number % LOCK_EVERY == LOCK_EVERY - 1:
            await self._lock(made[0])

    async def _send(self) -> None:
        for _ in range(PUSHES):
            await asyncio.sleep(0.02 * self.chance.random())
            await self.ledger.push(self.platform, self.chance)

    async def _settle(self) -> dict[str, Any]:
        await asyncio.sleep(0.03 * self.chance.random())
        self.asked += 1
        order = {"rate": "0.20", "number": f"race-{self.asked}"}
        return await self.close("/settlements", {"round": "anhui-2026", "order": order, "other_terms": True})

    async def _lock(self, made: dict[str, Any]) -> None:
        """Take a settlement to its lock while records come, then settle what came as adjustments, while more come."""
        await approved(self.people, made["id"])
        locking = asyncio.create_task(decide(self.people.approver, made["id"], "lock"))
        await asyncio.gather(self._send(), self._send())
        good(await locking)
        locked = good(await self.people.clerk.get(f"/settlements/{made['id']}"))
        assert (locked["as_of"], locked["totals"], locked["digest"]) == (made["as_of"], made["totals"], made["digest"])
        before = self.ledger.newest
        adjusting = asyncio.create_task(self.close(f"/settlements/{made['id']}/adjustments"))
        await asyncio.gather(self._send(), self._send())
        self.judge(await adjusting, before)
        again = good(await self.people.clerk.get(f"/settlements/{made['id']}"))
        assert again == locked, "a locked settlement changed"


@pytest.mark.timeout(TIMEOUT_SECONDS)
@pytest.mark.parametrize("seed", seeds_of("close"))
async def test_a_record_that_races_a_close_is_in_the_cut_or_after_it(
    seed: int, app: ApiClient, owner: asyncpg.Connection
) -> None:
    with kept_when_it_fails("close", seed):
        registrar = await app.register_the_usual()
        account = {"bank": "测试银行", "account": "622200001", "holder": entity()["name"]}
        good(await registrar.put("/entities", [entity(bank_account=account)]))
        race = Race(await people_of(app), await app.platform(f"race-{seed}"), random.Random(seed))
        number, until = 0, deadline()
        while race.met < SCALE.races and time.monotonic() < until:
            await race.round(number)
            number += 1
            assert number < 20 + 10 * SCALE.races, f"only {race.met} of {race.closes} closes met a record"
        last = await race.close(
            "/settlements", {"round": "anhui-2026", "order": {"rate": "0.20", "number": "last"}, "other_terms": True}
        )
        race.judge(last, race.ledger.newest)
        figures.record(
            "close races", closes=race.closes, races=race.met, missed=race.missed, bound_95=figures.bound(race.met),
            records=race.ledger.sent,
        )  # fmt: skip
        assert race.met, "nothing raced"
        assert race.missed == 0
        total = last["totals"]["charge_in_window_fen"] + last["totals"]["charge_outside_window_fen"]
        assert total == sum(race.ledger.fen.values()), "the last cut has everything"
        await journal_is_whole(owner, race.ledger.sent)
