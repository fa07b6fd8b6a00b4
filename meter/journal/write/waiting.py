"""Deliveries that wait for the recorder, and answering them in the event loop of their callers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from meter.journal.write.delivery import Delivery
from meter.journal.write.receipt import Receipt


class Overloaded(RuntimeError):
    """More is waiting to be recorded than may wait; nothing of this delivery was recorded."""


@dataclass
class Waiting:
    """A delivery and the answer that its caller waits for."""

    delivery: Delivery
    answer: asyncio.Future[Receipt]
    """In the event loop of the caller."""

    def end(self, outcome: Receipt | Exception) -> None:
        """Answer, in the loop of the caller; one that has gone away needs no answer."""
        if self.answer.done():
            return
        if isinstance(outcome, Exception):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


def answer(group: Sequence[Waiting], outcomes: Sequence[Receipt | Exception]) -> None:
    """Answer a group, which one loop waits for, in one turn of that loop."""

    def end() -> None:
        for waiting, outcome in zip(group, outcomes, strict=True):
            waiting.end(outcome)

    callers = group[0].answer.get_loop()
    if callers is asyncio.get_running_loop():
        end()
    else:
        with contextlib.suppress(RuntimeError):  # that loop has ended, and nobody waits any more
            callers.call_soon_threadsafe(end)
