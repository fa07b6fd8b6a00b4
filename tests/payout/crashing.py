"""Lives of a payment with a crash, or another worker's whole pass, at one boundary of the job, whichever there is."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg

from meter.database.connect import service_engine
from meter.database.errors import unreachable
from meter.database.scope import PROVINCE, act_as, acting
from settlement.payout.batch_files import BatchFiles
from settlement.payout.boundary import listening
from settlement.payout.folder import Folder
from settlement.payout.gateways import BatchGateway, Gateway, HttpGateway, Worker
from tests.bank.behaviour import Behaviour
from tests.bank.in_process import InProcessBank
from tests.bank.journal import Journal
from tests.bank.wire import FileBank
from tests.payout.conftest import Paying
from tests.payout.files import instruction
from tests.payout.released import released
from tests.support.api_client import good
from tests.support.clock import move_clock
from tests.support.worlds import post

GATEWAYS: Final = ("http", "batch")
PASSES: Final = 6
QUIET: Final = 2
HEALING: Final = 14
HOURS: Final = 26
LIMIT: Final = 10
FOLLOWED: Final = timedelta(hours=400)
APART: Final = 30 * HOURS


class Crash(BaseException):
    """The job dies here: nothing after this runs."""


@dataclass
class Life:
    """One payment, its bank, and the place at which something happens to the job."""

    paying: Paying
    number: int
    gateway: str
    way: str
    place: int
    two_workers: bool
    folder: Path
    mind: Behaviour = field(init=False)
    files: FileBank = field(init=False)
    hours: int = 0
    """How far the clock is ahead; lives in one province begin so far apart that no job follows up what another left."""
    left: int = 0
    met: str = ""

    def __post_init__(self) -> None:
        self.mind = Behaviour(Journal.at(self.folder.with_suffix(".journal")), [self.way])
        self.files = FileBank(self.mind, self.folder, "utf-8")
        self.left = self.place

    async def live(self) -> bool:
        """From the release until it is paid; whether the place was met at all."""
        await self._go_on(APART)
        await released(self.paying, [self.number])
        quiet = 0
        for _ in range(PASSES):
            await self._pass()
            await self._night()
            quiet = quiet + 1 if self.met and await self._all_is_said() else 0
            if quiet == QUIET:  # what happened has had time to show, and nothing more happens
                break
        self.mind.healed = True
        for _ in range(HEALING):
            await self._pass()
            if (await self._now())["status"] == "paid" and not self._news():
                break
            await self._night()
        await self._is_well()
        return bool(self.met)

    def _news(self) -> bool:
        """Whether the bank still has something to tell."""
        return any(payment.told == 0 for payment in self.mind.journal.payments.values())

    async def _all_is_said(self) -> bool:
        """Whether it is paid, and the bank has told all that it will ever tell."""
        hit = self.mind.journal.hit.get(self.way)
        return bool(hit) and not self._news() and (await self._now())["status"] == "paid"

    async def _now(self) -> dict[str, Any]:
        return await instruction(self.paying, self.number)

    async def _pass(self) -> None:
        """One pass of the job; where the place is met, a worker dies there, or stands still for another's pass."""
        await self._go_on(HOURS // 2)
        with acting(PROVINCE), contextlib.suppress(Crash), listening(self._reached):
            await self._gateway().one_pass(self.paying.door.engine, self._worker("a"))

    async def _go_on(self, hours: int) -> None:
        """Let hours go by, for the database and for the jobs."""
        self.hours += hours
        await move_clock(self.paying.owner, hours)

    def _reached(self, name: str) -> None:
        if self.met:
            return
        self.left -= 1
        if self.left >= 0:
            return
        self.met = name
        if not self.two_workers:
            raise Crash
        other = threading.Thread(target=lambda: asyncio.run(self._another()))
        other.start()
        other.join()

    async def _another(self) -> None:
        """A whole pass of another worker on connections of its own, while the first stands still with all it holds.

        What the first has locked it cannot wait for: its pass ends as one whose database is away.
        """
        act_as(PROVINCE)
        engine = service_engine(self.paying.door.url, 2)
        try:
            with contextlib.suppress(asyncpg.LockNotAvailableError):
                await self._gateway().one_pass(engine, self._worker("b"))
        except Exception as error:
            if unreachable(error) is None:
                raise
        finally:
            await engine.dispose()

    def _gateway(self) -> Gateway:
        if self.gateway == "http":
            return HttpGateway(InProcessBank(self.mind), follow_every=timedelta(0), follow_for=FOLLOWED)
        return BatchGateway(BatchFiles(Folder(self.folder)))

    def _worker(self, name: str) -> Worker:
        ahead = timedelta(hours=self.hours)
        return Worker(name, LIMIT, "command line", lambda: datetime.now(UTC) + ahead)

    async def _night(self) -> None:
        """The bank does what it does at night and reads its files; people decide what is theirs to decide."""
        if self.hours % HOURS == 0:
            self.mind.night()
        if self.gateway == "batch":
            self.files.work()
        one = await self._now()
        people = self.paying.people
        if one["status"] in ("failed", "returned"):
            good(await post(people.approver, f"/payouts/{self.number}/retry"))
            await released(self.paying, [self.number])
        elif one["status"] == "disputed":
            await self._settle(one)

    async def _settle(self, one: dict[str, Any]) -> None:
        """Two people end a dispute as the bank's journal says; what is too much, or wrong, goes back first."""
        base = one["reference"].split("-R")[0]
        net = self.mind.journal.net(base)
        if net not in (0, one["amount_fen"]):
            paid = [
                name for name, payment in self.mind.journal.payments.items()
                if name.split("-R")[0] == base and payment.state == "paid"
            ]  # fmt: skip
            self.mind.take_back(paid[0])
            return
        path, outcome = f"/payouts/{self.number}/settle", {"outcome": "paid" if net else "failed"}
        first = await post(self.paying.people.approver, path, outcome)
        if first.status_code == 409:  # how the money stands is not known here yet, or an issue is open
            return
        if good(first)["status"] == "disputed":
            good(await post(self.paying.people.second, path, outcome))

    async def _is_well(self) -> None:
        one = await self._now()
        what = f"{self.gateway}, {self.way}, place {self.place} ({self.met}), two workers: {self.two_workers}"
        assert one["status"] == "paid", f"stuck as {one['status']}: {what}"
        base = one["reference"].split("-R")[0]
        assert self.mind.journal.net(base) == one["amount_fen"], f"not paid exactly once: {what}"
        ours = await self.paying.owner.fetch(
            """select coalesce(bank_reference, reference) as theirs, sum(moved_fen)::bigint as fen from payout_event
               where instruction = $1 and moved_fen <> 0 group by 1 having sum(moved_fen) <> 0""",
            self.number,
        )
        assert {row["theirs"]: row["fen"] for row in ours} == self.mind.journal.balance(), f"ledgers differ: {what}"
