"""What lives in a thread and event loop of its own: seen from outside, opened and closed there, its errors told."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator

import pytest

from api.process.loop_thread import in_thread


@contextlib.asynccontextmanager
async def opened(log: list[str], fails: str = "") -> AsyncIterator[threading.Thread]:
    """Says when it is opened and closed, and where."""
    log.append("opened")
    if fails == "opening":
        raise ValueError("opening")
    yield threading.current_thread()
    log.append("closed")
    assert threading.current_thread().name == "apart"
    if fails == "closing":
        raise ValueError("closing")


async def test_it_lives_in_a_thread_of_its_own_until_the_block_ends() -> None:
    log: list[str] = []
    async with in_thread("apart", lambda: opened(log)) as thread:
        assert thread.name == "apart"
        assert thread is not threading.current_thread()
        assert log == ["opened"]
    assert log == ["opened", "closed"]
    await asyncio.to_thread(thread.join, 10)
    assert not thread.is_alive()


@pytest.mark.parametrize("when", ["opening", "closing"])
async def test_errors_of_opening_and_closing_are_told_outside(when: str) -> None:
    log: list[str] = []
    with pytest.raises(ValueError, match=when):
        async with in_thread("apart", lambda: opened(log, when)):
            log.append("inside")
    assert log == (["opened"] if when == "opening" else ["opened", "inside", "closed"])


async def test_it_is_closed_when_the_block_fails() -> None:
    log: list[str] = []
    with pytest.raises(KeyError):
        async with in_thread("apart", lambda: opened(log)):
            raise KeyError("inside")
    assert log == ["opened", "closed"]
