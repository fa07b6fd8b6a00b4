"""How much of what clients send one process holds at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, cast

import pytest
from fastapi import Request

from api.http import body_budget
from api.http.body_budget import BodyBudget

CHUNK = 64 * 1024
BODY = 16 * CHUNK
HELD = 3 * BODY


@pytest.fixture(autouse=True)
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_budget, "HELD_BYTES", HELD)
    monkeypatch.setattr(body_budget, "SMALL_BYTES", 2 * CHUNK)
    monkeypatch.setattr(body_budget, "LOOK_SECONDS", 0.001)


class Sender:
    """A request whose body arrives chunk by chunk."""

    async def stream(self) -> AsyncIterator[bytes]:
        for _ in range(BODY // CHUNK):
            await asyncio.sleep(0)
            yield bytes(CHUNK)


def request() -> Request:
    return cast(Request, Sender())


async def test_bodies_that_have_arrived_keep_the_others_waiting_until_they_are_answered() -> None:
    ours = BodyBudget()
    arrived: asyncio.Queue[asyncio.Event] = asyncio.Queue()
    most = 0

    async def answer_one() -> None:
        nonlocal most
        async with ours.body(request()) as whole:
            assert len(whole) == BODY
            most = max(most, ours.held_bytes)
            answered = asyncio.Event()
            arrived.put_nowait(answered)
            await answered.wait()

    tasks = [asyncio.create_task(answer_one()) for _ in range(24)]
    async with asyncio.timeout(20):
        for _ in tasks:
            first = await arrived.get()
            await asyncio.sleep(0.02)  # whoever may read on does so now
            assert 1 + arrived.qsize() <= HELD // BODY + body_budget.WHOLE_AT_ONCE
            first.set()
        await asyncio.gather(*tasks)
    assert most <= HELD + (body_budget.WHOLE_AT_ONCE + 1) * BODY + 24 * body_budget.SMALL_BYTES
    assert ours.held_bytes == 0


async def test_bodies_that_are_half_read_do_not_wait_for_each_other_for_ever() -> None:
    ours = BodyBudget()

    async def answer_one() -> int:
        async with ours.body(request()) as whole:
            return len(whole)

    async with asyncio.timeout(20):
        assert await asyncio.gather(*(answer_one() for _ in range(24))) == [BODY] * 24
    assert ours.held_bytes == 0


async def test_a_body_read_early_counts_until_its_request_is_over() -> None:
    ours = BodyBudget()
    early: list[Any] = []
    for _ in range(body_budget.WHOLE_AT_ONCE + 1):
        one: Any = Sender()
        one.scope = {}
        await ours.early(one)
        early.append(one)
    assert ours.held_bytes == HELD
    async with AsyncExitStack() as stack:
        waiting = asyncio.create_task(stack.enter_async_context(ours.body(request())))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        for one in early:
            ours.over(one.scope)
            ours.over(one.scope)  # again changes nothing
        assert len(await waiting) == BODY
    assert ours.held_bytes == 0
