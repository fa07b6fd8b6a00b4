"""The embedded PostgreSQL: first start, joining, leaving, and what happens when it is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from meter.database.bootstrap import SUPERUSER
from meter.database.embedded import Running, embedded
from tests.support.postgres import folder_for_postgres

PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A data directory of this module's own."""
    with folder_for_postgres() as folder:
        yield folder


def postmaster(data: Path) -> int:
    """The server's pid."""
    return int((data / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for_end(pid: int) -> None:
    """Return when a process has ended."""
    while alive(pid):
        time.sleep(0.02)


async def ask(server: Running, sql: str) -> object:
    """The answer of a server that may be starting."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            connection = await asyncpg.connect(server.socket_url(SUPERUSER))
        except (OSError, asyncpg.PostgresError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)
            continue
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()


async def test_the_first_user_starts_it_the_last_stops_it_and_all_share_it(data: Path) -> None:
    with embedded(data) as first:
        pid = postmaster(data)
        with embedded(data) as second:
            assert second == first
            assert await ask(second, "select 1") == 1
        assert alive(pid), "somebody still needs it"
        assert await ask(first, "select 1") == 1
    assert not alive(pid)


async def test_it_is_durable_private_and_on_loopback_only(data: Path) -> None:
    with embedded(data) as server:
        for name, value in (
            ("fsync", "on"), ("full_page_writes", "on"), ("synchronous_commit", "on"), ("data_checksums", "on"),
            ("listen_addresses", "127.0.0.1"), ("server_encoding", "UTF8"), ("password_encryption", "scram-sha-256"),
        ):  # fmt: skip
            assert await ask(server, f"show {name}") == value, name
        assert stat.S_IMODE((data / "postgres.password").stat().st_mode) == 0o600
        assert stat.S_IMODE((data / "postgres").stat().st_mode) == 0o700
        assert stat.S_IMODE(server.socket_folder.stat().st_mode) == 0o700
        wrong = server.url(SUPERUSER).replace(server.passwords[SUPERUSER.name], "wrong")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(wrong)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["killed", "shut down by somebody"])
async def test_a_server_that_ends_is_started_again_where_it_was(data: Path, number: signal.Signals) -> None:
    with embedded(data) as server:
        await ask(server, "create table if not exists kept (n int)")
        await ask(server, "insert into kept values (1) returning n")
        before = int(str(await ask(server, "select count(*) from kept")))
        pid = postmaster(data)
        os.kill(pid, number)
        await asyncio.to_thread(wait_for_end, pid)
        assert await ask(server, "select count(*) from kept") == before, "what was committed is there"
        assert postmaster(data) != pid


def test_after_its_user_was_killed_the_next_finds_everything(data: Path) -> None:
    """A process that uses it is killed with kill -9: the server goes on, the next user joins and the last stops it."""
    program = (
        "import sys, time; from pathlib import Path; from meter.database.embedded import embedded\n"
        "with embedded(Path(sys.argv[1])): print('up', flush=True); time.sleep(600)"
    )
    user = subprocess.Popen([sys.executable, "-c", program, str(data)], stdout=subprocess.PIPE)
    assert user.stdout is not None
    assert user.stdout.readline() == b"up\n"
    pid = postmaster(data)
    user.kill()
    user.wait()
    assert alive(pid)
    with embedded(data):
        assert postmaster(data) == pid, "the server went on alone"
    assert not alive(pid)


async def test_both_killed_at_once_recovers_at_the_next_start(data: Path) -> None:
    with embedded(data) as server:
        await ask(server, "create table if not exists both_killed (n int)")
        await ask(server, "insert into both_killed values (7) returning n")
        pid = postmaster(data)
    assert not alive(pid)
    (data / "postgres" / "postmaster.pid").write_text(f"{2**22 + 1}\n{data / 'postgres'}\n0\n0\n\n\n\nready\n")
    with embedded(data) as server:
        assert await ask(server, "select max(n) from both_killed") == 7


def test_half_a_first_start_is_begun_again() -> None:
    with folder_for_postgres() as folder:
        (folder / "postgres.new").mkdir()
        (folder / "postgres.new" / "PG_VERSION").write_text("18\n")
        (folder / "postgres").mkdir()
        (folder / "postgres.password").write_text("old\n")
        with embedded(folder) as server:
            assert server.passwords[SUPERUSER.name] != "old"
