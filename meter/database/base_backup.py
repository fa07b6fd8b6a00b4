"""Copies of a whole server with PostgreSQL's own programs: a base backup and the log since, put back to any moment."""

from __future__ import annotations

import asyncio
import os
import pwd
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg

from meter.database import embedded_host as host
from meter.database.address import address_of
from meter.database.errors import DatabaseUnfit

DEBIAN: Final = Path("/usr/lib/postgresql")
BASE, DUMP = "base", "dump"
ARCHIVE_SECONDS: Final = 60
ARCHIVED_SECONDS: Final = 60
_OF_RECOVERY: Final = ("restore_command", "recovery_", "hot_standby")
_STARTED_IN: Final = re.compile(r"^START WAL LOCATION: .*\(file ([0-9A-F]{24})\)", re.MULTILINE)
_SEGMENT: Final = re.compile(r"([0-9A-F]{24})\.gz")


class BackupFailed(DatabaseUnfit):
    """A program of PostgreSQL's did not do what it was to do; the message has its last words."""


async def kind_for(connection: asyncpg.Connection) -> tuple[str, int]:
    """How this login can back up the database (BASE or DUMP), and the server's major version."""
    row = await connection.fetchrow(
        "select rolreplication or rolsuper as may, current_setting('server_version_num')::int / 10000 as major "
        "from pg_roles where rolname = session_user"
    )
    return (BASE if row["may"] else DUMP), row["major"]


def programs(major: int) -> Path:
    """Where PostgreSQL's programs are that fit a server: Debian's of its version, else the wheel's."""
    debian = DEBIAN / str(major) / "bin"
    return debian if (debian / "pg_basebackup").exists() else host.binaries()


def take_base(url: str, place: Path, major: int) -> None:
    """Copy a running server's files, with as much of its log as makes them whole."""
    _run(
        programs(major), "pg_basebackup", "-d", address_of(url).url, "-D", str(place), "-c", "fast", "-X", "stream",
        "--no-password",
    )  # fmt: skip


def take_dump(url: str, place: Path, major: int) -> None:
    """Write one database as pg_restore reads it."""
    _run(programs(major), "pg_dump", "-d", address_of(url).url, "-Fc", "-f", str(place), "--no-password")


def put_dump(url: str, place: Path, major: int) -> None:
    """Load a dump into a database that is empty."""
    _run(
        programs(major), "pg_restore", "-d", address_of(url).url, "--no-password", "--exit-on-error",
        "--single-transaction", str(place),
    )  # fmt: skip


async def keep_log(connection: asyncpg.Connection, folder: Path) -> bool:
    """Have the server keep its log in a folder; whether it does so already or needs to be started again first."""
    place = shlex.quote(str(folder))
    # whole or not at all: a copy that was cut short by a crash does not stand under the segment's name
    command = f"test ! -e {place}/%f.gz && gzip -1 < %p > {place}/%f.part && mv {place}/%f.part {place}/%f.gz"
    for name, value in (
        ("archive_mode", "on"), ("archive_command", command), ("archive_timeout", f"{ARCHIVE_SECONDS}s"),
    ):  # fmt: skip
        await connection.execute(f"alter system set {name} = {_quoted(value)}")
    await connection.execute("select pg_reload_conf()")
    return bool(await connection.fetchval("select current_setting('archive_mode') = 'on'"))


async def must_keep_log(connection: asyncpg.Connection) -> None:
    """Have the server put its log away as it is now, and see that it does. Raises BackupFailed."""
    # something is written first: where nothing was since the last switch, another one does nothing
    wanted = await connection.fetchval("select pg_walfile_name(pg_create_restore_point('suanbu backup') - 1)")
    await connection.execute("select pg_switch_wal()")
    for _ in range(int(ARCHIVED_SECONDS / 0.1)):
        row = await connection.fetchrow("select last_archived_wal, last_failed_wal, failed_count from pg_stat_archiver")
        if (row["last_archived_wal"] or "") >= wanted:
            return
        await asyncio.sleep(0.1)
    raise BackupFailed(
        f"the log is not kept: {row['failed_count']} attempts failed, the last with {row['last_failed_wal']}; "
        "can PostgreSQL's user write to the folder of backups, and is there room?"
    )


def put_base(base: Path, files: Path, log: Path | None, moment: datetime | None) -> None:
    """Put the files of a base backup where a server is to run, which goes on from them to the moment, or to the end."""
    shutil.copytree(base, files)
    files.chmod(0o700)
    lines = [
        "recovery_target_timeline = 'latest'",
        "recovery_target_action = 'promote'",
        "hot_standby = off",  # it lets nobody in, and says that it is ready, only when it is
        "archive_command = '/bin/true'",
    ]
    if log is not None:
        place = shlex.quote(str(log))
        lines.append(f"restore_command = {_quoted(f'test -e {place}/%f.gz && gunzip < {place}/%f.gz > %p')}")
    if moment is not None:
        lines.append(f"recovery_target_time = '{moment.astimezone(UTC).isoformat()}'")
    with (files / "postgresql.auto.conf").open("a") as file:
        file.write("".join(f"{line}\n" for line in lines))
    if log is not None:
        (files / "recovery.signal").touch()


def settle_down(files: Path) -> None:
    """After a restore: the next start must not recover again."""
    settings = files / "postgresql.auto.conf"
    kept = [line for line in settings.read_text().splitlines() if not line.startswith(_OF_RECOVERY)]
    settings.write_text("".join(f"{line}\n" for line in kept))


def started_in(base: Path) -> str:
    """The first segment of the log that a base backup needs."""
    found = _STARTED_IN.search((base / "backup_label").read_text())
    assert found is not None
    return found[1]


def drop_log_before(folder: Path, segment: str) -> int:
    """Delete what no kept backup needs any more, whatever its timeline; how many segments that were."""
    old = [
        file for file in folder.iterdir()
        if (name := _SEGMENT.fullmatch(file.name)) is not None and name[1][8:] < segment[8:]
    ]  # fmt: skip
    for file in old:
        file.unlink()
    return len(old)


def give_to_server(place: Path) -> None:
    """Let files be the plain user's that runs PostgreSQL where we are root."""
    user = host.unprivileged_user()
    if user is None:
        return
    for folder, _, files in os.walk(place):
        for path in (Path(folder), *(Path(folder) / name for name in files)):
            os.chown(path, user, pwd.getpwuid(user).pw_gid, follow_symlinks=False)


def _run(binaries: Path, name: str, *arguments: str, environment: dict[str, Any] | None = None) -> None:
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own programs, our own arguments
        [binaries / name, *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, **(environment or {})},
    )  # fmt: skip
    if done.returncode != 0:
        raise BackupFailed(f"{name} failed: {_last(done.stderr.splitlines())}")


def _last(lines: Sequence[str]) -> str:
    return " ".join(lines[-3:])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


async def head_of(connection: asyncpg.Connection) -> dict[str, Any]:
    """Where the journal ends: batch, digest, moment."""
    row = await connection.fetchrow(
        "select batch, algorithm || ':' || encode(digest, 'hex') as digest, recorded_at::text as recorded_at "
        "from batch order by batch desc limit 1"
    )
    return dict(row) if row is not None else {"batch": 0, "digest": "", "recorded_at": ""}


async def digest_at(connection: asyncpg.Connection, batch: int) -> str:
    """The digest of a batch; nothing where there is no such batch."""
    found = await connection.fetchval(
        "select algorithm || ':' || encode(digest, 'hex') from batch where batch = $1", batch
    )
    return str(found or "")
