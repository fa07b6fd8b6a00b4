"""One supervisor: a server, the proxy before it, the service, the payout job, its bank, and clients; it restarts them.

It stands for what does so in production: systemd, or whatever runs the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.harness.client import STOP, Journal
from tests.faults.harness.disk import Disk
from tests.faults.harness.payments import Payments
from tests.faults.harness.processes import children, command_line, wait_until_gone
from tests.faults.harness.proxy import FaultProxy
from tests.payout.processes import TOP
from tests.support.own_server import START_SECONDS, OwnServer
from tests.support.serving import Served

HEALING_SECONDS = 90
"""Within which everything must be well again by itself."""


@dataclass
class Clients:
    """The processes of clients, and what their journals say."""

    url: str
    key: str
    folder: Path
    names: tuple[str, ...]
    lanes: int
    records: int
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start one, or start it again."""
        command = [
            sys.executable, "-m", "tests.faults.harness.client", "--url", self.url, "--key", self.key, "--name", name,
            "--folder", str(self.folder), "--lanes", str(self.lanes), "--records", str(self.records),
        ]  # fmt: skip
        self.processes[name] = subprocess.Popen(command, cwd=TOP)

    def kill(self, name: str) -> None:
        """kill -9."""
        self.processes[name].kill()
        self.processes[name].wait()

    def lane_names(self) -> list[str]:
        """The lanes of all clients."""
        return [f"{name}{number}" for name in self.names for number in range(self.lanes)]

    def journals(self) -> dict[str, Journal]:
        """What stands on disk."""
        return {name: Journal.at(self.folder / f"{name}.journal") for name in self.lane_names()}

    def sizes(self) -> dict[str, int]:
        """How many batches each lane has had acknowledged."""
        return {name: one.acknowledged for name, one in self.journals().items()}

    async def all_served_again(self) -> float:
        """Wait until every lane has two batches more, the second of them sent after now; how long that took."""
        began, before = time.monotonic(), self.sizes()
        while time.monotonic() < began + HEALING_SECONDS:
            now = self.sizes()
            if all(now[lane] >= before[lane] + 2 for lane in before):
                return time.monotonic() - began
            await asyncio.sleep(0.02)
        raise AssertionError(f"not everybody was served within {HEALING_SECONDS} s: {before}, then {self.sizes()}")

    async def finish(self) -> None:
        """Let everybody end what is under way."""
        (self.folder / STOP).touch()
        for name, process in self.processes.items():
            assert await asyncio.to_thread(process.wait, HEALING_SECONDS) == 0, f"client {name} failed"


@dataclass
class Supervisor:
    """Everything that runs."""

    server: OwnServer
    proxy: FaultProxy
    served: Served
    folder: Path
    restarts: list[float] = field(default_factory=list)
    """How long the service took, each time it was started again, until it was ready."""
    clients: Clients | None = None
    payments: Payments | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def over(
        cls,
        server: OwnServer,
        folder: Path,
        workers: int = 2,
        job_workers: int = 1,
        data: Path | None = None,
        environment: dict[str, str] | None = None,
    ) -> AsyncIterator[Supervisor]:
        """The service on a running server, behind the proxy; its own data directory may lie elsewhere."""
        async with FaultProxy.before(server.url()) as proxy:
            processes = ("--workers", str(workers), "--job-workers", str(job_workers))
            place = ("--data", str(data or folder / "data"))
            served = Served({"DATABASE_URL": proxy.url, **(environment or {})}, (*processes, *place))
            served.log = folder / "service.log"
            made = cls(server, proxy, served, folder)
            try:
                await asyncio.to_thread(served.start)
                yield made
            finally:
                await asyncio.to_thread(made.end)

    def end(self) -> None:
        """End everything."""
        if self.clients:
            for process in self.clients.processes.values():
                process.kill()
                process.wait()
        if self.payments:
            self.payments.close()
        self.proxy.flowing.set()
        self.served.kill()

    def start_clients(self, key: str, names: tuple[str, ...], lanes: int, records: int) -> Clients:
        """Let clients push."""
        folder = self.folder / "clients"
        folder.mkdir()
        self.clients = Clients(self.served.url, key, folder, names, lanes, records)
        for name in names:
            self.clients.start(name)
        return self.clients

    def start_paying(self) -> None:
        """Start the bank and the payout job."""
        self.payments = Payments.through(self.proxy.url, self.folder)

    async def restart_service(self) -> None:
        """Start the service again after it has been killed, and take the time."""
        began = time.monotonic()
        await asyncio.to_thread(self.served.start)
        self.restarts.append(time.monotonic() - began)

    def postmaster(self) -> int:
        """PostgreSQL's first process."""
        return int((self.server.files / "postmaster.pid").read_text().splitlines()[0])

    def backends(self) -> list[int]:
        """The processes that serve connections."""
        return [pid for pid in children(self.postmaster()) if b"suanbu" in command_line(pid)]

    async def kill_server(self, *, whole: bool) -> None:
        """Kill PostgreSQL, its first process or all of them, and start it again."""
        first = self.postmaster()
        family = children(first)
        await kill_all([first, *family] if whole else [first], [first, *family])
        await self._start_server()

    async def power_fails(self, disk: Disk | None) -> None:
        """Stop the machine that service and server run on, and start it again; without a disk, kill everything."""
        first = self.postmaster()
        family = [first, *children(first)]
        if disk:
            disk.lose_power()
        self.served.kill()
        await kill_all(family, family)
        if disk:
            await asyncio.to_thread(disk.unmount)
            await asyncio.to_thread(disk.mount)
        await self._start_server()
        await self.restart_service()

    async def _start_server(self) -> None:
        for lock in (self.server.files / "postmaster.pid", *self.server.folder.glob(".s.PGSQL.*.lock")):
            lock.unlink(missing_ok=True)  # the process that it names is dead, but perhaps not collected yet
        end = time.monotonic() + START_SECONDS
        while True:  # as systemd would: one that was just being forked may hold the old memory for a moment longer
            try:
                return await asyncio.to_thread(self.server.start)
            except AssertionError as error:
                if "pre-existing shared memory" not in str(error) or time.monotonic() > end:
                    raise
            await asyncio.sleep(0.2)


async def kill_all(pids: list[int], family: list[int]) -> None:
    """kill -9 of processes, and wait until their family has ended."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert await asyncio.to_thread(wait_until_gone, family) == []
