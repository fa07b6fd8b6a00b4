"""A real PostgreSQL server from a wheel, living under the data directory, for whoever has no DATABASE_URL.

Several processes share one server: each holds a shared lock while it needs it, and the last to leave stops it. Locks
die with their process, so after `kill -9` of everything the next start finds either a running server or one that
recovers by itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from meter.database import embedded_host as host
from meter.database.bootstrap import NAME, SUPERUSER, bootstrap_sql, login_passwords
from meter.database.embedded_host import DatabaseUnavailable
from meter.database.roles import Login
from meter.database.seal import KEY_FILE
from meter.private_files import (
    NotPrivate,
    close_folder,
    folder_mode,
    make_folders,
    opened_privately,
    socket_folder,
    write_privately,
)

START_SECONDS = 120  # crash recovery of a large WAL takes time; giving up early would be wrong
STOP_SECONDS = 60
WATCH_SECONDS = 0.3


@dataclass(frozen=True)
class Running:
    """A running embedded server: where its socket is, its loopback port, and the passwords of those who log in."""

    socket_folder: Path
    port: int
    passwords: Mapping[str, str]

    def url(self, login: Login) -> str:
        """Return the URL over loopback, for psql, Grafana and everyone else."""
        return f"postgresql://{self._who(login)}@127.0.0.1:{self.port}/{NAME}"

    def socket_url(self, login: Login) -> str:
        """Return the URL over the Unix socket, which the service itself uses."""
        return f"postgresql://{self._who(login)}@/{NAME}?host={quote(str(self.socket_folder))}&port={self.port}"

    def _who(self, login: Login) -> str:
        return f"{login.name}:{quote(self.passwords[login.name])}"


@contextlib.contextmanager
def embedded(data: Path, binaries: Path | None = None, start_seconds: float = START_SECONDS) -> Iterator[Running]:
    """Run (or join) the embedded server whose files lie under `data`, for as long as the block lasts.

    While it lasts, a server that dies is started again on the same port: nobody else would. `binaries` is the bin
    folder of another PostgreSQL than the wheel's. Raises DatabaseUnavailable with the server's last words when it does
    not come up.
    """
    server = _Server(data.resolve(), binaries or host.binaries(), start_seconds)
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

    def __init__(self, data: Path, binaries: Path, start_seconds: float) -> None:
        self.start_seconds = start_seconds
        self.data = data
        self.cluster = data / "postgres"
        self.log = data / "postgres.log"
        self.user = host.unprivileged_user()
        self.binaries = binaries
        self.lock = -1
        self.process: subprocess.Popen[bytes] | None = None

    def join(self) -> None:
        make_folders(self.data)
        if not any(self.data.iterdir()) or any((self.data / name).exists() for name in ("postgres", KEY_FILE)):
            close_folder(self.data, folder_mode())
        elif self.user is not None:  # somebody's folder, with other things in it
            close_folder(self.data, stat.S_IMODE(self.data.stat().st_mode) | stat.S_IXOTH)
        self._must_be_reachable()
        with host.locked(self.data / "postgres.setup.lock"):
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
                with passing, host.locked(self.data / "postgres.setup.lock"):
                    self._start(same_port=True)

    def leave(self) -> None:
        with host.locked(self.data / "postgres.setup.lock"):
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass  # somebody else still needs it
            else:
                sockets = self._sockets()
                self._stop()
                if sockets is not None:
                    with contextlib.suppress(OSError):
                        sockets.rmdir()  # the server has taken its socket away
            os.close(self.lock)

    def running(self) -> Running:
        sockets = self._sockets()
        assert sockets is not None, "it runs"
        return Running(sockets, self._port(), {SUPERUSER.name: self._password(), **login_passwords(self.data)})

    def _noted(self, line: int) -> str:
        """Return a line of what the server says of itself."""
        return (self.cluster / "postmaster.pid").read_text().splitlines()[line].strip()

    def _port(self) -> int:
        return int(self._noted(3))

    def _sockets(self) -> Path | None:
        """Return where the server that runs has its socket."""
        try:
            return Path(self._noted(4))
        except (FileNotFoundError, IndexError):
            return None

    def _password(self) -> str:
        return (self.data / "postgres.password").read_text().strip()

    def _initialise(self) -> None:
        shutil.rmtree(self.cluster, ignore_errors=True)  # an earlier initdb that was killed half way
        password = self.data / "postgres.password"
        write_privately(password, secrets.token_urlsafe(24) + "\n")
        fresh = self.data / "postgres.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        self._give(fresh, self.user)
        self._give(password, self.user)
        self._run(
            "initdb", "-D", str(fresh), "-U", SUPERUSER.name, "--pwfile", str(password), "--auth=scram-sha-256",
            "--encoding=UTF8", "--locale=C", "--data-checksums",
        )  # fmt: skip
        self._give(password, os.geteuid())
        with (fresh / "postgresql.conf").open("a") as file:
            file.write("".join(f"{name} = {value}\n" for name, value in host.SETTINGS.items()))
        fresh.rename(self.cluster)  # from here on it is whole

    def _start(self, same_port: bool = False) -> None:
        launched = self._pid() is None
        if launched:
            self._launch(same_port)
        deadline = time.monotonic() + self.start_seconds
        while not self._ready():  # a server found running may still be recovering
            if time.monotonic() > deadline or self._pid_gone():
                raise DatabaseUnavailable(f"PostgreSQL did not start; its last words:\n{self._last_words()}")
            time.sleep(0.02)
        self._bootstrap(launched)

    def _launch(self, same_port: bool) -> None:
        try:
            sockets = socket_folder(self.data, self.user or os.geteuid())
        except NotPrivate as error:
            raise DatabaseUnavailable(f"{error}; remove it or choose another --data") from None
        port_file = self.data / "postgres.port"
        port = int(port_file.read_text()) if port_file.exists() else 0
        if port == 0 or not host.free(port):
            if same_port:
                raise DatabaseUnavailable(f"port {port} is still taken")
            port = host.free_port()
            write_privately(port_file, f"{port}\n")
        self._give(self.cluster, self.user)
        self._give(self.data / "postgres.password", os.geteuid())  # an earlier version left it with the server's user
        with opened_privately(self.log, os.O_APPEND) as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own binary, our own arguments
                [self.binaries / "postgres", "-D", self.cluster, "-k", sockets, "-p", str(port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is meant for us; the server is stopped by its pid
                cwd="/",
                **self._identity(),
            )

    def _bootstrap(self, launched: bool) -> None:
        """Make what is missing of the roles and the database: the one thing that the superuser is used for."""
        done = subprocess.run(  # noqa: S603 - our own binary, our own arguments
            [self.binaries / "psql", "-h", str(self._sockets()), "-p", str(self._port()), "-U", SUPERUSER.name,
             "-d", "postgres", "-qXAt", "-v", "ON_ERROR_STOP=1", "-f", "-"],
            env={"PGPASSWORD": self._password()}, input=bootstrap_sql(login_passwords(self.data), set_anew=launched),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            # what psql quotes of the statement may be a password
            said = "\n".join(line for line in done.stderr.splitlines() if "ERROR:" in line or "FATAL:" in line)
            raise DatabaseUnavailable(f"the roles of the database could not be made:\n{said[-2000:]}")

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
        """Return whether the server that we wait for has ended instead of coming up."""
        return self._pid() is None if self.process is None else self.process.poll() is not None

    def _ready(self) -> bool:
        try:
            return self._pid() is not None and self._noted(7) == "ready"
        except (FileNotFoundError, IndexError):
            return False

    def _give(self, path: Path, user: int | None) -> None:
        """Let a file or folder be a user's, where we are root and may decide that."""
        if self.user is not None and user is not None:
            os.chown(path, user, -1, follow_symlinks=False)

    def _must_be_reachable(self) -> None:
        """Refuse a data directory below one that is closed to the plain user of PostgreSQL: to open it is not ours."""
        if self.user is None:
            return
        for place in (self.data, self.binaries):
            for folder in (place, *place.parents):
                found = folder.stat()
                if not found.st_mode & stat.S_IXOTH and found.st_uid != self.user:
                    name = pwd.getpwuid(self.user).pw_name
                    raise DatabaseUnavailable(
                        f"PostgreSQL does not run as root, and {name} cannot pass through {folder}: "
                        "run suanbu as a plain user, choose a --data that others can reach, or set DATABASE_URL"
                    )

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
