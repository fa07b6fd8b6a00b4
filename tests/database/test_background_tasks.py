"""Background tasks end, even where a cancellation is swallowed on its way."""

from __future__ import annotations

import asyncio

from meter.database.background_tasks import end, pause


async def test_a_task_that_was_asked_to_stop_is_not_cancelled() -> None:
    stopping = asyncio.Event()
    finished = []

    async def working() -> None:
        while not await pause(stopping, 60):
            pass
        await asyncio.sleep(0.01)
        finished.append("its last piece of work")

    task = asyncio.create_task(working())
    await asyncio.sleep(0)
    stopping.set()
    await end([task])
    assert finished
    assert not task.cancelled()


async def test_a_pause_without_an_end_lasts_and_says_so() -> None:
    assert not await pause(asyncio.Event(), 0.001)


async def test_a_task_that_swallows_a_cancellation_is_ended_by_the_next() -> None:
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed == 2:
                    raise

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await end([task], patience_seconds=0)
    assert task.cancelled()
    assert swallowed == 2


async def test_how_a_task_ended_is_of_no_interest() -> None:
    async def failing() -> None:
        raise ValueError("failed before it was cancelled")

    task = asyncio.create_task(failing())
    await end([task])
    assert isinstance(task.exception(), ValueError)
