"""A PostgreSQL as an operator runs one: started, stopped, copied, put back, followed by a standby that is promoted."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from meter.database import embedded_host as host
from tests.support.debian import program
from tests.support.postgres import folder_for_postgres

DEBIAN = "/usr/lib/postgresql/15/bin"
VERSIONS = ("18", "15")
START_SECONDS = 240  # a server that was killed recovers first, on a busy machine
SETTINGS = "fsync = off\nwal_level = replica\nmax_wal_senders = 8\nlisten_addresses = '127.0.0.1'\n"


def binaries_of(version: str) -> Path:
    """The programs of a version: the wheel's 18, or Debian's 15, which is installed where it can be."""
    return host.binaries() if version == "18" else program("postgres", "postgresql-15", folder=DEBIAN).parent


class OwnServer:
    """One server: its files, its port, its superuser `postgres`, whom loopback trusts."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self.binaries = binaries
        self.folder = folder
        self.files = folder / "files"
        self.port = host.free_port()
        self._user = host.unprivileged_user()
        self.give(folder)

    def url(self, database: str = "suanbu", user: str = "postgres") -> str:
        """The URL of a database."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def initialise(self, settings: str = "") -> None:
        """Make the files, with an empty database `suanbu`."""
        self.run(
            "initdb",
            "-D",
            str(self.files),
            "-U",
            "postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        )
        self.configure(SETTINGS + settings)
        self.start()
        self.psql("create database suanbu", database="postgres")

    def configure(self, settings: str) -> None:
        """Add settings, which hold from the next start on."""
        with (self.files / "postgresql.conf").open("a") as file:
            file.write(settings)

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        arguments = f"-p {self.port} -k {self.folder}"
        log, patience = str(self.folder / "log"), str(START_SECONDS)
        self.run("pg_ctl", "-D", str(self.files), "-o", arguments, "-l", log, "-t", patience, "-w", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: `fast`, or `immediate` as if it had been killed."""
        self.run("pg_ctl", "-D", str(self.files), "-m", mode, "-w", "stop")

    def promote(self) -> None:
        """Make a standby the primary."""
        self.run("pg_ctl", "-D", str(self.files), "-w", "promote")

    def follow(self, primary: OwnServer, name: str = "standby") -> None:
        """Begin as a standby of another server, under a name that the primary may wait for, and start."""
        origin = f"{primary.url('postgres')}?application_name={name}"
        self.run("pg_basebackup", "-D", str(self.files), "-d", origin, "-R", "-c", "fast", "-X", "stream")
        self.start()

    def copy(self, place: Path) -> None:
        """Copy the files as they are (of a server that was stopped: a cold backup)."""
        shutil.copytree(self.files, place)

    def put_back(self, place: Path) -> None:
        """Put copied files in the place of the server's, start, and wait until it has recovered and writes."""
        shutil.rmtree(self.files)
        shutil.copytree(place, self.files)
        self.give(self.files)
        self.start()
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:  # pg_ctl calls a server started that still recovers, and refuses connections
            with contextlib.suppress(AssertionError):
                if self.psql("select pg_is_in_recovery()") == "f":
                    return
            time.sleep(0.1)
        raise AssertionError("the server recovers and recovers")

    def psql(self, sql: str, database: str = "suanbu") -> str:
        """Run SQL as the superuser; what psql says."""
        return self.run("psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", sql)

    def run(self, name: str, *arguments: str) -> str:
        """Run one of the server's programs as a plain user; what it says."""
        done = subprocess.run(
            [self.binaries / name, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, cwd="/", check=False, **self._identity(),
        )  # fmt: skip
        assert done.returncode == 0, f"{name}: {done.stdout[-2000:]}{self._last_words()}"
        return str(done.stdout).strip()

    def _last_words(self) -> str:
        log = self.folder / "log"
        return log.read_text(errors="replace")[-1000:] if log.exists() else ""

    def popen(self, program: Path, *arguments: str) -> subprocess.Popen[bytes]:
        """Start another program as the server's user."""
        return subprocess.Popen(
            [program, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd="/", **self._identity(),
        )  # fmt: skip

    @staticmethod
    def free_port() -> int:
        """A port that nothing listens at."""
        return host.free_port()

    def _identity(self) -> dict[str, Any]:
        if self._user is None:
            return {}
        return {"user": self._user, "group": pwd.getpwuid(self._user).pw_gid, "extra_groups": []}

    def give(self, place: Path) -> None:
        """Let files and folders be the server's user's."""
        if self._user is None:
            return
        for folder, _, files in os.walk(place):
            for path in (Path(folder), *(Path(folder) / file for file in files)):
                os.chown(path, self._user, -1, follow_symlinks=False)


@contextlib.contextmanager
def own_server(binaries: Path, settings: str = "") -> Iterator[OwnServer]:
    """A running server with an empty database; it and what was made of it are gone afterwards."""
    with folder_for_postgres() as folder:
        server = OwnServer(folder, binaries)
        try:
            server.initialise(settings)
            yield server
        finally:
            with contextlib.suppress(AssertionError):
                server.stop("immediate")


@contextlib.contextmanager
def standby_of(primary: OwnServer, name: str = "standby") -> Iterator[OwnServer]:
    """A running standby."""
    with folder_for_postgres() as folder:
        server = OwnServer(folder, primary.binaries)
        try:
            server.follow(primary, name)
            yield server
        finally:
            with contextlib.suppress(AssertionError):
                server.stop("immediate")
