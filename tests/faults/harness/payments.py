"""The payout job, kept alive as systemd keeps it, and a bank that only does what ends well without a person."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.payout.processes import Bank, job, settings_of

WAYS = "ok,accepted but silent,notified twice,5xx,slow,garbage"
DATABASE_AWAY = 3  # docs/operations.md, exit statuses: a job that finds no database when it starts says so and ends
LOOK_SECONDS = 0.2
LIMIT = 2


@dataclass
class Payments:
    """A bank, and a job that hands over a few payments a second."""

    database: str
    settings: Path
    bank: Bank
    job: subprocess.Popen[str]
    keeping: asyncio.Task[None] | None = None
    killed: int = 0
    ended: int = 0
    """How often the job ended because there was no database when it began."""

    @classmethod
    def through(cls, database: str, folder: Path) -> Payments:
        """Start both."""
        bank = Bank(folder, "http", WAYS)
        settings = settings_of(folder, bank, "http")
        settings.write_text(settings.read_text().replace("limit = 7", f"limit = {LIMIT}"))
        made = cls(database, settings, bank, job(database, settings, "w"))
        made.keeping = asyncio.create_task(made.keep())
        return made

    async def keep(self) -> None:
        """Start the job again whenever it has ended."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self.job.poll() is None:
                continue
            _, said = await asyncio.to_thread(self.job.communicate)
            status = self.job.returncode
            assert status in (DATABASE_AWAY, -signal.SIGKILL), f"the payout job ended with {status}: {said[-2000:]}"
            self.killed += status == -signal.SIGKILL
            self.ended += status == DATABASE_AWAY
            self.job = job(self.database, self.settings, "w")

    async def kill(self) -> None:
        """kill -9 of the job, while it lives."""
        before = self.killed
        while self.killed == before:
            self.job.kill()
            await asyncio.sleep(LOOK_SECONDS)
            assert self.keeping
            if self.keeping.done():
                self.keeping.result()

    def close(self) -> None:
        """End both."""
        if self.keeping:
            self.keeping.get_loop().call_soon_threadsafe(self.keeping.cancel)
        self.job.kill()
        with contextlib.suppress(ValueError):  # whoever keeps it was just reading its last words
            self.job.communicate()
        self.bank.close()
