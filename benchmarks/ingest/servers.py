"""Servers to measure: the service as `suanbu serve`, and the peer under uvicorn with the same settings."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from api.auth.keys import NewKey, create_key
from benchmarks.ingest.province import registry
from meter.database.bootstrap import SUPERUSER
from meter.database.connect import command_engine
from meter.database.embedded import embedded
from migrations.upgrade import upgrade

READY_SECONDS = 300


@dataclass(frozen=True)
class Server:
    """A server that listens: its port, a key for it, its database and its process."""

    name: str
    port: int
    key: str
    database: str
    pid: int

    def processes(self) -> list[int]:
        """Return the process and its children: the workers."""
        found = [self.pid]
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                with contextlib.suppress(OSError):
                    if int(folder.joinpath("stat").read_text().rsplit(")", 1)[1].split()[1]) == self.pid:
                        command = folder.joinpath("cmdline").read_bytes()
                        if b"postgres" not in command:
                            found.append(int(folder.name))
        return found

    def peak_mb(self) -> float:
        """Return the most memory that all of its processes held, each at its own peak."""
        total = 0
        for pid in self.processes():
            with contextlib.suppress(OSError, StopIteration):
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                total += int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
        return total / 1024

    def forget_peak(self) -> None:
        """Begin a new peak."""
        for pid in self.processes():
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")

    def cpu_seconds(self) -> float:
        """Return processor time of its processes so far (not the database's)."""
        total = 0
        for pid in self.processes():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                total += int(fields[11]) + int(fields[12])
        return total / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def suanbu(data: Path, name: str, workers: int = 1) -> Iterator[Server]:
    """Run the service with an embedded database under `data`, a platform's key, and the province registered."""
    with embedded(data) as database:
        keys = asyncio.run(_keys(database.socket_url(SUPERUSER)))
        with serving(data, database.socket_url(SUPERUSER), keys["usage"], name, workers) as server:
            for kind in ("facilities", "chips"):
                _put(server.port, keys["registry"], kind, registry()[kind])
            yield server


@contextlib.contextmanager
def serving(data: Path, database: str, key: str, name: str, workers: int = 1) -> Iterator[Server]:
    """Run the service on a database that runs, which knows a platform's key."""
    port = free_port()
    command = [sys.executable, "-c", "from api.commands import main; main()", "serve", "--port", str(port)]
    started = [*command, "--data", str(data), "--workers", str(workers)]
    with running(started, port, {"DATABASE_URL": database}) as pid:
        yield Server(name, port, key, database, pid)


@contextlib.contextmanager
def peer(data: Path) -> Iterator[Server]:
    """Run the peer with an embedded database of its own under `data`."""
    with embedded(data) as database:
        key, port = secrets.token_urlsafe(16), free_port()
        url = database.socket_url(SUPERUSER).replace("postgresql://", "postgresql+asyncpg://")
        command = [
            sys.executable,
            "-m",
            "uvicorn",
            "benchmarks.ingest.peer:APP",
            "--port",
            str(port),
            "--no-access-log",
        ]
        environment = {"PEER_DATABASE_URL": url, "PEER_KEY_DIGEST": hashlib.sha256(key.encode()).hexdigest()}
        with running([*command, "--log-level", "warning"], port, environment, path="/docs") as pid:
            yield Server("peer", port, key, database.socket_url(SUPERUSER), pid)


@contextlib.contextmanager
def running(command: list[str], port: int, environment: dict[str, str], path: str = "/readyz") -> Iterator[int]:
    """Run a server until the block ends, which begins when it answers that it is ready."""
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            with contextlib.suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).close()
                break
            assert process.poll() is None, f"{command} ended"
            assert time.monotonic() < deadline, f"{command} did not become ready"
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


async def _keys(database: str) -> dict[str, str]:
    await upgrade(database)
    engine = command_engine(database)
    try:
        made = {}
        for name, scopes in (("registry", ["registry:write"]), ("usage", ["usage:write", "usage:read"])):
            made[name] = await create_key(
                engine, NewKey(name, scopes, source="platform" if name == "usage" else None), now=datetime.now(UTC)
            )
        return made
    finally:
        await engine.dispose()


def _put(port: int, key: str, kind: str, items: list[dict[str, object]]) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/{kind}", json.dumps(items).encode(), method="PUT",
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own address
        said = json.load(answer)
    assert said["refused"] == said["conflict"] == 0, said


async def rollup_lag(database: str) -> int:
    """Return batches that the rollup has not taken in yet."""
    connection = await asyncpg.connect(database)
    try:
        return int(
            await connection.fetchval(
                "select coalesce((select max(batch) from batch), 0) - "
                "coalesce((select max(last_batch) from rollup_block), 0)"
            )
        )
    finally:
        await connection.close()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
