"""Random histories of one instruction, drawn by hypothesis, through the database's own rules: the money is never wrong.

A history is words of a worker, a bank and people in any order, about any issue, with right and wrong fences, references
and amounts. Whatever is said: each movement of money is counted once; only what is disputed stands otherwise than the
money; a dispute is left by another hand, and only as the money stands; and from every state people get on to a payment.
SUANBU_HISTORIES (default 60) says how many; `make payout-histories` has 20,000.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import asyncpg
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from meter.database.connect import driver, service_engine
from meter.database.scope import PROVINCE, act_as
from settlement.errors import Disputed, NotAllowed
from settlement.payout.instructions import claim, decide
from settlement.payout.marks import MARKS, mark
from settlement.store.instructions import events_of, instructions_with
from tests.payout.conftest import Paying
from tests.support.clock import later

HISTORIES: Final = int(os.environ.get("SUANBU_HISTORIES", "60"))
SEED: Final = 20261130
PEOPLE: Final = ("command line:a", "command line:b", "command line:c")
WORKER: Final = "command line:w"
LEASED: Final = 50

WORDS = st.sampled_from(MARKS)
STEPS = st.one_of(
    st.tuples(st.just("lease"), st.sampled_from((0, 2))),
    st.tuples(
        st.just("mark"), WORDS, st.sampled_from(("right", "old", "none", "file")), st.sampled_from((0, 0, 0, -1, 1)),
        st.sampled_from(("B1", "B2", "B3", None)), st.sampled_from((0, 0, 1, 2)), st.sampled_from(PEOPLE),
    ),
    st.tuples(st.just("retry"), st.sampled_from(PEOPLE)),
    st.tuples(st.just("settle"), st.sampled_from(("paid", "failed", "returned")), st.sampled_from(PEOPLE)),
)  # fmt: skip


class History:
    """One instruction, and what is said about it."""

    def __init__(self, engine: Any, owner: asyncpg.Connection, number: int) -> None:
        self.engine = engine
        self.owner = owner
        self.number = number
        self.hours = 0
        self.counted: Counter[str] = Counter()

    async def row(self) -> asyncpg.Record:
        """The instruction as it is."""
        async with self.engine.connect() as held:
            [found] = await instructions_with(await driver(held), [self.number])
        return found

    async def events(self) -> list[dict[str, Any]]:
        """What happened to it."""
        async with self.engine.connect() as held:
            return await events_of(await driver(held), self.number)

    async def take(self, step: tuple[Any, ...]) -> None:
        """One step; a refusal is an answer, anything else that is raised is a fault."""
        before = await self.row()
        try:
            if step[0] == "lease":
                self.hours += step[1]
                await self._lease()
            elif step[0] == "mark":
                await self._mark(before, *step[1:])
            elif step[0] == "retry":
                await decide(self.engine, self.number, "retry", said={}, actor=step[1], moment=_now())
            else:
                said = {"outcome": step[1]}
                await decide(self.engine, self.number, "settle", said=said, actor=step[2], moment=_now())
            self.counted["done"] += 1
        except Disputed:
            self.counted["disputed"] += 1
            assert (await self.row())["status"] == "disputed"
        except NotAllowed as refused:
            self.counted[refused.code] += 1
            assert await self.row() == before, "what was refused has changed something"

    async def _lease(self) -> None:
        """Lease it, and whatever else can be: the job takes what it is given."""
        async with later(self.owner, hours=self.hours):
            await claim(self.engine, "w", LEASED, WORKER, _now())

    async def _mark(
        self, before: asyncpg.Record, word: str, fence: str, more: int, bank: str | None, issue: int, actor: str
    ) -> None:
        said: dict[str, Any] = {}
        if bank is not None:
            said["bank_reference"] = f"{bank}-{self.number}"
        if word in ("paid", "returned"):
            said["amount_fen"] = before["amount_fen"] + more
        if fence == "file":
            said |= {"file": "f", "job": "files"}
        elif fence != "none":
            said["fence"] = before["fence"] - (fence == "old")
        issues = sorted({event["reference"] for event in await self.events()} | {before["reference"]}, key=len)
        async with later(self.owner, hours=self.hours):
            await mark(
                self.engine, self.number, word, said=said, actor=actor, moment=_now(), issue=issues[issue % len(issues)]
            )

    async def finish(self) -> None:
        """Pay it after all, as people would: the bank takes back what is too much, two of them end the dispute."""
        for turn in range(12):
            row, events = await self.row(), await self.events()
            status, last = row["status"], events[-1]["actor"] if events else ""
            if status == "paid":
                return
            if status in ("failed", "returned"):
                other = next(one for one in PEOPLE if one != last)
                await decide(self.engine, self.number, "retry", said={}, actor=other, moment=_now())
            elif status == "ready":
                self.hours += 2
                await self._lease()
            elif status == "disputed":
                await self._end_dispute(events)
            else:
                said = {"file": "f", "job": "files", "bank_reference": f"F{turn}-{self.number}"}
                said |= {"amount_fen": row["amount_fen"]}
                await mark(self.engine, self.number, "paid", said=said, actor=WORKER, moment=_now())
        raise AssertionError(f"stuck as {(await self.row())['status']}: {await self.events()}")

    async def _end_dispute(self, events: list[dict[str, Any]]) -> None:
        out: Counter[tuple[str, str]] = Counter()
        for event in events:
            if event["moved_fen"]:
                out[event["bank_reference"], event["reference"]] += event["moved_fen"]
        for (theirs, issue), fen in out.items():
            word = "returned" if fen > 0 else "paid"  # what came back without having gone out went out too
            said = {"file": "f", "job": "files", "bank_reference": theirs, "amount_fen": abs(fen)}
            if fen:
                with contextlib.suppress(Disputed):
                    await mark(self.engine, self.number, word, said=said, actor=WORKER, moment=_now(), issue=issue)
        with contextlib.suppress(Disputed):
            said = {"file": "f", "job": "files", "note": "nothing of it is with the bank"}
            await mark(self.engine, self.number, "failed", said=said, actor=WORKER, moment=_now())
        for actor in PEOPLE[:2]:
            if (await self.row())["status"] == "disputed":
                with contextlib.suppress(NotAllowed):
                    outcome = {"outcome": "failed"}
                    await decide(self.engine, self.number, "settle", said=outcome, actor=actor, moment=_now())

    async def check(self) -> None:
        """What must hold after every step."""
        row, events = await self.row(), await self.events()
        moved = [(one["bank_reference"], one["moved_fen"] > 0) for one in events if one["moved_fen"]]
        assert len(moved) == len(set(moved)), "a movement of money is counted twice"
        assert all(theirs for theirs, _ in moved), "money without a reference of the bank"
        net = sum(one["moved_fen"] for one in events)
        if row["status"] != "disputed":
            assert net == (row["amount_fen"] if row["status"] == "paid" else 0), f"{row['status']}, but {net} fen moved"
        for one, following in itertools.pairwise(events):
            assert one["after"] == following["before"]
            if one["after"] == "disputed" and following["after"] != "disputed":
                assert one["actor"] != following["actor"], "one hand alone ended a dispute"
            if one["after"] in ("failed", "returned") and following["after"] == "ready":
                assert one["actor"] != following["actor"], "one hand alone paid again"


def _now() -> Any:
    return None  # the database's clock counts, and no other


@pytest.mark.timeout(7200)
async def test_whatever_is_said_the_money_is_right(paying: Paying) -> None:
    counted = await asyncio.to_thread(_all_histories, paying.door.url)
    print(f"{HISTORIES} histories: {dict(counted)}")
    for code in ("done", "disputed", "LEASE_LOST", "STATE_NOT_ALLOWED"):
        assert counted[code], f"what never happened proves nothing: {code}"
    if HISTORIES >= 1000:
        for code in ("SAME_PERSON", "MONEY_OPEN", "BANK_REFERENCE_MISSING", "ISSUE_OPEN"):
            assert counted[code], f"what never happened proves nothing: {code}"


def _all_histories(url: str) -> Counter[str]:
    """Run them in a thread of their own, whose loop hypothesis' function can wait for."""
    counted: Counter[str] = Counter()
    with asyncio.Runner() as runner:
        engine, owner, numbers = runner.run(_opened(url))
        try:
            _histories(runner.run, engine, owner, numbers, counted)
        finally:
            runner.run(_closed(engine, owner))
    return counted


def _histories(
    run: Callable[[Any], Any], engine: Any, owner: asyncpg.Connection, numbers: Iterator[int], counted: Counter[str]
) -> None:
    @seed(SEED)
    @settings(
        max_examples=HISTORIES, deadline=None, database=None, derandomize=False,
        suppress_health_check=list(HealthCheck), print_blob=True,
    )  # fmt: skip
    @given(st.lists(STEPS, min_size=3, max_size=14))
    def history(steps: list[tuple[Any, ...]]) -> None:
        async def live() -> None:
            act_as(PROVINCE)
            one = History(engine, owner, await _fresh(owner, next(numbers)))
            await one.take(("lease", 0))
            for step in steps:
                await one.take(step)
                await one.check()
            await one.finish()
            await one.check()
            counted.update(one.counted)

        run(live())

    history()


async def _opened(url: str) -> tuple[Any, asyncpg.Connection, Iterator[int]]:
    return service_engine(url, 2), await asyncpg.connect(url), itertools.count(1)


async def _closed(engine: Any, owner: asyncpg.Connection) -> None:
    with contextlib.suppress(Exception):
        await owner.close()
    await engine.dispose()


async def _fresh(owner: asyncpg.Connection, number: int) -> int:
    """Another instruction like the first, in a settlement of its own; what else could be leased is out of the way."""
    settlement = f"history-{number}"
    async with owner.transaction():
        await owner.execute("set local session_replication_role = replica")
        await owner.execute("update payout_instruction set status = 'paid' where status <> 'paid'")
        await owner.execute(
            """insert into settlement (id, round, status, as_of, payment_order, readings, matches, applications,
                   match_lines, totals, receipt, digest, fingerprint, run_by, created_at)
               select $1, $1, 'locked', as_of, payment_order, readings, matches, applications, match_lines, totals,
                   receipt, digest, convert_to($1, 'UTF8'), run_by, created_at
               from settlement order by created_at limit 1""",
            settlement,
        )
        await owner.execute(
            """insert into settlement_line (settlement, uscc, name, region, outcome, award_fen, held_fen, payable_fen,
                   line, working) select $1, uscc, name, region, 'payable', 100, 0, 100, '{}', '{}'
               from payout_instruction join settlement_line using (settlement, uscc) order by id limit 1""",
            settlement,
        )
        found: int = await owner.fetchval(
            """insert into payout_instruction (settlement, uscc, city, amount_fen, offset_fen, reference, issue, status,
                   fence, account, created_at)
               select $1, uscc, city, 100, 0, 'SB-' || $1 || '-' || uscc, 1, 'ready', 0, account, now()
               from payout_instruction order by id limit 1 returning id""",
            settlement,
        )
    return found
