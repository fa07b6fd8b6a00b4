"""Something that lives in a thread and event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import uvloop

T = TypeVar("T")


@contextlib.asynccontextmanager
async def in_thread(name: str, opened: Callable[[], AbstractAsyncContextManager[T]]) -> AsyncIterator[T]:
    """Lend what `opened` opens, living in a thread of that name with an event loop of its own while the block lasts.

    Raises what opening or closing raises.
    """
    outside = asyncio.get_running_loop()
    seen: asyncio.Future[tuple[T, Callable[[], object]]] = outside.create_future()
    ended: asyncio.Future[None] = outside.create_future()

    def see(value: T, leave: Callable[[], object]) -> None:
        seen.set_result((value, leave))

    def end(error: BaseException | None) -> None:
        if error is None:
            ended.set_result(None)
        else:
            (ended if seen.done() else seen).set_exception(error)

    async def live() -> None:
        leaving = asyncio.Event()
        inside = asyncio.get_running_loop()
        async with opened() as value:
            outside.call_soon_threadsafe(see, value, lambda: inside.call_soon_threadsafe(leaving.set))
            await leaving.wait()

    def run() -> None:
        error: BaseException | None = None
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(live())
        except BaseException as caught:
            error = caught
        outside.call_soon_threadsafe(end, error)

    # a daemon: should the outside end without leaving the block, nothing waits for this thread
    threading.Thread(target=run, name=name, daemon=True).start()
    value, leave = await seen
    try:
        yield value
    finally:
        leave()
        await ended
