"""The application: in this process over ASGI, or as `suanbu serve` in a process that can be killed."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx

from api.app import app_of
from api.jobs.working import working
from api.process.loop_thread import in_thread
from api.settings import Settings
from meter.database.connect import command_engine, service_engine
from tests.support.api_client import ApiClient

PATIENT = {"Prefer": "wait=50"}
"""A busy machine may need longer for a job than a client waits who says nothing."""
ENDED = ("done", "failed", "cancelled")
START_SECONDS = 240  # kernels may have to be compiled first, on a busy machine


@contextlib.asynccontextmanager
async def in_process(url: str, *, jobs: bool = True, data: Path | None = None) -> AsyncIterator[ApiClient]:
    """The application with its lifespan, reached without a socket; without `jobs` nobody works on them."""
    settings = Settings(url, data=data)
    app = app_of(settings)
    # the same workers as in a process of their own, in one loop that has a thread to itself
    lanes = [("short",), ("long",)] if jobs else []
    at_work = in_thread("jobs", lambda: working(settings, "tests", lanes))
    async with app.router.lifespan_context(app), at_work:
        transport = httpx.ASGITransport(app)
        made = Patient if jobs else httpx.AsyncClient  # where nobody works on them there is nothing to wait for
        async with made(transport=transport, base_url="http://suanbu", timeout=60, headers=PATIENT) as client:
            commands = command_engine(url)
            try:
                yield ApiClient(client, app.state.service.engine, commands, url)
            finally:
                await commands.dispose()


class Patient(httpx.AsyncClient):
    """A client that waits for its jobs: told 202, it gets what it would have got at once from a faster machine."""

    async def send(self, request: httpx.Request, **how: Any) -> httpx.Response:
        """Send, and where a job was begun, ask for it until it is over."""
        answer = await super().send(request, **how)
        place = answer.headers.get("location", "")
        if answer.status_code != 202 or not place.startswith("/v1/jobs/"):
            return answer
        if request.headers.get("prefer") != PATIENT["Prefer"]:
            return answer  # who says how long does not want to wait longer
        await answer.aread()
        key = {"Authorization": request.headers["authorization"]}
        while (job := await self._job(place, key))["state"] not in ENDED:
            pass
        if job["error"]:
            return httpx.Response(job["error"]["status"], json=job["error"], request=request)
        if job["location"] and job["state"] == "done":
            return await super().send(self.build_request("GET", job["location"], headers=key), **how)
        return httpx.Response(200, json=job["result"], request=request)

    async def _job(self, place: str, key: dict[str, str]) -> dict[str, Any]:
        asked = self.build_request("GET", place, headers={**key, "Prefer": "wait=40"})
        found: dict[str, Any] = (await super().send(asked)).json()
        return found


@contextlib.asynccontextmanager
async def over_http(url: str, database: str) -> AsyncIterator[ApiClient]:
    """A service that listens at `url` and keeps its data in `database`."""
    engine, commands = service_engine(database, 2), command_engine(database)
    try:
        async with Patient(base_url=url, timeout=60, headers=PATIENT) as client:
            yield ApiClient(client, engine, commands, database)
    finally:
        await engine.dispose()
        await commands.dispose()


class Served:
    """`suanbu serve` in a process group of its own."""

    def __init__(self, environment: dict[str, str], arguments: tuple[str, ...], before: str = "") -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {**os.environ, **environment}
        self._arguments = arguments
        self._before = before
        self._process: subprocess.Popen[bytes] | None = None
        self.log: Path | None = None
        """Where it writes its log, one start after another; None: with the log of the tests."""

    @classmethod
    @contextlib.contextmanager
    def on(cls, database: str, workers: int = 1, before: str = "", job_workers: int = 1) -> Iterator[Served]:
        """Serving from a database that runs elsewhere; `before` is run in the process first, as long as it is one."""
        assert not before or workers == 1
        arguments = ("--workers", str(workers), "--job-workers", str(job_workers))
        served = cls({"DATABASE_URL": database}, arguments, before)
        served.start()
        try:
            yield served
        finally:
            served.stop()

    @classmethod
    @contextlib.contextmanager
    def with_data(cls, data: Path, workers: int = 1) -> Iterator[Served]:
        """Serving from an embedded database under `data`, without processes for jobs."""
        served = cls({"DATABASE_URL": ""}, ("--workers", str(workers), "--job-workers", "0", "--data", str(data)))
        served.start()
        try:
            yield served
        finally:
            served.stop()

    @property
    def pid(self) -> int:
        """The process that was started (with several workers their parent)."""
        assert self._process is not None
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The exit status, once it has ended."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Start and wait for the line that says it is ready."""
        code = f"{self._before}\nfrom api.commands import main; main()"
        command = [sys.executable, "-c", code, "serve", "--port", str(self.port)]
        with self.log.open("ab") if self.log else contextlib.nullcontext() as log:
            self._process = subprocess.Popen(
                [*command, *self._arguments], env=self._environment, stdout=subprocess.PIPE, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        assert self._process.stdout is not None
        said = select.poll()  # unlike select(), it takes any number of open files
        said.register(self._process.stdout, select.POLLIN | select.POLLHUP)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if said.poll(200):
                line = self._process.stdout.readline().decode()
                assert line.strip() == f"suanbu is ready at {self.url}", f"it said {line!r} and ended"
                return
            assert self._process.poll() is None, "the service ended instead of becoming ready"
        raise AssertionError("the service did not become ready")

    def kill(self) -> None:
        """kill -9 of the whole group: the service and all its workers."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """Ask it to stop; kill it when it does not."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()

    def peak_bytes(self) -> int:
        """The most memory the process has held at once."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
