"""The ways to a bank, behind one small protocol: one pass, and what changed in it.

`HttpGateway` asks and is answered at once; `BatchGateway` exchanges files of many payments; `SingleFileGateway`
exchanges a file a payment, for an outside job that answers in JSON. The first two pay what two people released, and
nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from settlement.payout.bank_files import exchange
from settlement.payout.bank_protocol import Bank
from settlement.payout.batch_files import BatchFiles, exchange_batches
from settlement.payout.worker import FOLLOW_FOR, RESEND_AFTER, follow_all, work


@dataclass(frozen=True)
class Worker:
    """Who works: under which name leases are taken, how many a pass, on whose behalf, and by which clock."""

    name: str
    limit: int
    actor: str
    clock: Callable[[], datetime]


class Gateway(Protocol):
    """A way to a bank. A pass may be ended at any moment: the next one, of whatever worker, goes on from there."""

    async def one_pass(self, engine: AsyncEngine, worker: Worker) -> list[dict[str, Any]]:
        """Take in what the bank says, hand over what may be paid; what changed, with `reference` and `status`."""


@dataclass
class HttpGateway:
    """A bank that answers at once. Beside what is to be paid, it is asked now and then about what was."""

    bank: Bank
    resend_after: timedelta = RESEND_AFTER
    follow_for: timedelta = FOLLOW_FOR
    follow_every: timedelta = timedelta(hours=1)
    _followed_at: datetime | None = None

    async def one_pass(self, engine: AsyncEngine, worker: Worker) -> list[dict[str, Any]]:
        """Lease, ask or send, and mark; then ask about earlier payments, in the first pass and after `follow_every`."""
        done = await work(
            engine, self.bank, worker=worker.name, limit=worker.limit, actor=worker.actor, clock=worker.clock,
            resend_after=self.resend_after, gateway="http",
        )  # fmt: skip
        now = worker.clock()
        if self._followed_at is None or now - self._followed_at >= self.follow_every:
            done += await follow_all(
                engine, self.bank, actor=worker.actor, clock=worker.clock, follow_for=self.follow_for
            )
            self._followed_at = now
        return done


@dataclass(frozen=True)
class BatchGateway:
    """A bank that takes and gives files of many payments."""

    files: BatchFiles

    async def one_pass(self, engine: AsyncEngine, worker: Worker) -> list[dict[str, Any]]:
        """Take in return files, and hand over one file of what was released."""
        return await exchange_batches(
            engine, self.files, worker=worker.name, limit=worker.limit, actor=worker.actor, clock=worker.clock
        )


@dataclass(frozen=True)
class SingleFileGateway:
    """A folder in which an outside job finds a file for each payment, and leaves one for each answer."""

    folder: Path

    async def one_pass(self, engine: AsyncEngine, worker: Worker) -> list[dict[str, Any]]:
        """Take in answers, and hand over what is locked."""
        return await exchange(
            engine, self.folder, worker=worker.name, limit=worker.limit, actor=worker.actor, clock=worker.clock
        )
