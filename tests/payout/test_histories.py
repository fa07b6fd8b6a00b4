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
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from meter.database.connect import service_engine
from meter.database.scope import PROVINCE, act_as
from settlement.errors import Disputed, NotAllowed
from settlement.payout.instructions import claim, decide
from settlement.payout.marks import MARKS, mark
from settlement.store.instructions import events_of, instructions_with
from tests.payout.proof import bound, keep
from tests.support.clock import clock_in_a_table, move_clock
from tests.support.postgres import Cluster
from tests.support.province import locked, people_of, populate
from tests.support.serving import in_process

FILE: Final = {"file": "f", "job": "files"}
FAILED: Final = {"outcome": "failed"}
HISTORIES: Final = int(os.environ.get("SUANBU_HISTORIES", "60"))
AT_ONCE: Final = 8 if HISTORIES >= 1000 else 2
SEED: Final = 20261130
PEOPLE: Final = ("command line:a", "command line:b", "command line:c")
WORKER: Final = "command line:w"
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
        self.counted: Counter[str] = Counter()

    async def row(self) -> asyncpg.Record:
        """The instruction as it is."""
        [found] = await instructions_with(self.owner, [self.number])
        return found

    async def events(self) -> list[dict[str, Any]]:
        """What happened to it."""
        return await events_of(self.owner, self.number)

    async def take(self, step: tuple[Any, ...]) -> None:
        """One step and what must hold after it; a refusal changes nothing, what else is raised is a fault."""
        before = await self.row()
        try:
            if step[0] == "lease":
                await self._pass(step[1])
                await self._lease()
            elif step[0] == "mark":
                await self._mark(before, *step[1:])
            elif step[0] == "retry":
                await decide(self.engine, self.number, "retry", said={}, actor=step[1], moment=_now())
            else:
                said = {"outcome": step[1]}
                await decide(self.engine, self.number, "settle", said=said, actor=step[2], moment=_now())
            self.counted["done"] += 1
            await self.check()
        except Disputed:
            self.counted["disputed"] += 1
            assert (await self.check())["status"] == "disputed"
        except NotAllowed as refused:
            self.counted[refused.code] += 1
            assert await self.row() == before, "what was refused has changed something"

    async def _pass(self, hours: int) -> None:
        """Let hours go by."""
        if hours:
            await move_clock(self.owner, hours)

    async def _lease(self) -> None:
        """Lease it: nothing else can be."""
        await claim(self.engine, "w", 1, WORKER, _now())

    async def _mark(
        self, before: asyncpg.Record, word: str, fence: str, more: int, bank: str | None, issue: int, actor: str
    ) -> None:
        said: dict[str, Any] = {}
        if bank is not None:
            said["bank_reference"] = f"{bank}-{self.number}"
        if word in ("paid", "returned"):
            said["amount_fen"] = before["amount_fen"] + more
        if fence == "file":
            said |= FILE
        elif fence != "none":
            said["fence"] = before["fence"] - (fence == "old")
        issues = sorted({event["reference"] for event in await self.events()} | {before["reference"]}, key=len)
        wanted = issues[issue % len(issues)]
        await mark(self.engine, self.number, word, said=said, actor=actor, moment=_now(), issue=wanted)

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
                await self._pass(2)
                await self._lease()
            elif status == "disputed":
                await self._end_dispute(events)
            else:
                said = {**FILE, "bank_reference": f"F{turn}-{self.number}", "amount_fen": row["amount_fen"]}
                await mark(self.engine, self.number, "paid", said=said, actor=WORKER, moment=_now())
        raise AssertionError(f"stuck as {(await self.row())['status']}: {await self.events()}")

    async def _end_dispute(self, events: list[dict[str, Any]]) -> None:
        out: Counter[tuple[str, str]] = Counter()
        for event in events:
            if event["moved_fen"]:
                out[event["bank_reference"], event["reference"]] += event["moved_fen"]
        for (theirs, issue), fen in out.items():
            word = "returned" if fen > 0 else "paid"  # what came back without having gone out went out too
            # a reference stands for one movement a way: what is left of a part moves under one of its own
            known = any(one["bank_reference"] == theirs and one["moved_fen"] * fen < 0 for one in events)
            said = {**FILE, "bank_reference": f"{theirs}-rest" if known else theirs, "amount_fen": abs(fen)}
            if fen:
                with contextlib.suppress(Disputed):
                    await mark(self.engine, self.number, word, said=said, actor=WORKER, moment=_now(), issue=issue)
        with contextlib.suppress(Disputed):
            said = {**FILE, "note": "nothing of it is with the bank"}
            await mark(self.engine, self.number, "failed", said=said, actor=WORKER, moment=_now())
        for actor in PEOPLE[:2]:
            with contextlib.suppress(NotAllowed):
                await decide(self.engine, self.number, "settle", said=FAILED, actor=actor, moment=_now())

    async def check(self) -> asyncpg.Record:
        """What must hold after every step; the instruction."""
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
        return row


def _now() -> Any:
    return None  # the database's clock counts, and no other


@pytest_asyncio.fixture
async def tables(cluster: Cluster) -> AsyncIterator[list[str]]:
    """Databases with a locked settlement each: histories in different ones do not wait for each other."""
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(cluster.database())
        async with in_process(first, jobs=True) as door:
            await populate(door, 1)
            await locked(await people_of(door))
        urls = [first]
        for _ in range(AT_ONCE - 1):
            urls.append(await stack.enter_async_context(cluster.copy(first)))
        yield urls


@pytest.mark.timeout(7200)
async def test_whatever_is_said_the_money_is_right(tables: list[str]) -> None:
    counted = await asyncio.to_thread(_all_histories, tables)
    lived = counted.pop("histories")
    print(f"{lived} histories: {dict(counted)}")
    keep("histories", seed=SEED, histories=lived, counted=counted, wrong_or_stuck=bound(0, lived))
    assert lived >= HISTORIES
    for code in ("done", "disputed", "LEASE_LOST", "STATE_NOT_ALLOWED"):
        assert counted[code], f"what never happened proves nothing: {code}"
    if HISTORIES >= 10_000:
        for code in ("SAME_PERSON", "MONEY_OPEN", "BANK_REFERENCE_MISSING", "ISSUE_OPEN"):
            assert counted[code], f"what never happened proves nothing: {code}"


def _all_histories(urls: Sequence[str]) -> Counter[str]:
    """Run them in a thread of their own, whose loop hypothesis' function can wait for."""
    counted: Counter[str] = Counter()
    with asyncio.Runner() as runner:
        desks = [runner.run(_opened(url)) for url in urls]
        try:
            _histories(runner.run, desks, counted)
        finally:
            for engine, owner in desks:
                runner.run(_closed(engine, owner))
    return counted


def _histories(
    run: Callable[[Any], Any], desks: Sequence[tuple[Any, asyncpg.Connection]], counted: Counter[str]
) -> None:
    """Draw as many histories at once as there are databases, and live each in its own."""
    numbers = itertools.count(1)

    @seed(SEED)
    @settings(
        max_examples=-(-HISTORIES // len(desks)), deadline=None, database=None, derandomize=False,
        suppress_health_check=list(HealthCheck), print_blob=True,
    )  # fmt: skip
    @given(st.lists(st.lists(STEPS, min_size=3, max_size=14), min_size=len(desks), max_size=len(desks)))
    def histories(drawn: list[list[tuple[Any, ...]]]) -> None:
        async def live(desk: tuple[Any, asyncpg.Connection], steps: list[tuple[Any, ...]], number: int) -> None:
            act_as(PROVINCE)
            engine, owner = desk
            one = History(engine, owner, await _fresh(owner, number))
            await one.take(("lease", 0))
            for step in steps:
                await one.take(step)
            await one.finish()
            await one.check()
            counted.update({**one.counted, "histories": 1})

        async def all_of_them() -> None:
            number = next(numbers)
            await asyncio.gather(*(live(desk, steps, number) for desk, steps in zip(desks, drawn, strict=True)))

        run(all_of_them())

    histories()


async def _opened(url: str) -> tuple[Any, asyncpg.Connection]:
    """Connections to the database, whose commits are not synced: what is tried are the rules, and it does not die."""
    owner = await asyncpg.connect(url)
    await owner.execute(f"alter database {url.rpartition('/')[2]} set synchronous_commit = off")
    await owner.execute("set synchronous_commit = off")
    await clock_in_a_table(owner)
    return service_engine(url, 2), owner


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
