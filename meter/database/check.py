"""What a database must be for the service, asked of the database itself: what is missing, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg

from meter.database.roles import OWNER_ROLE, SERVICE_ROLE, missing_roles

OLDEST: Final = 150000
CLOCK_SECONDS: Final = 2.0
CONNECTIONS_OF_A_WORKER: Final = 14
CONNECTIONS_OF_JOBS: Final = 10  # of the two processes that work on jobs unless there are more
CONNECTIONS_OF_COMMANDS: Final = 10
NEEDED: Final[Mapping[str, str]] = {"fsync": "on", "full_page_writes": "on", "server_encoding": "UTF8"}
"""What no connection can set for itself."""
_STATE: Final = f"""
select current_setting('server_version_num')::int as number, current_setting('server_version') as version,
       session_user as login, current_database() as database, clock_timestamp() as clock,
       (select rolsuper from pg_roles where rolname = session_user) as superuser,
       case when to_regrole('{SERVICE_ROLE}') is not null
            then pg_has_role(session_user, '{SERVICE_ROLE}', 'member') end as serves,
       case when to_regrole('{OWNER_ROLE}') is not null
            then pg_has_role(session_user, '{OWNER_ROLE}', 'member') end as migrates,
       (select ssl from pg_stat_ssl where pid = pg_backend_pid()) as tls,
       inet_server_addr() is null or inet_client_addr() = inet_server_addr() as near,
       current_setting('max_connections')::int as connections, current_setting('data_checksums') as checksums,
       current_setting('archive_mode') as archives, current_setting('wal_level') as wal_level,
       current_setting('synchronous_standby_names') as standbys,
       pg_database_size(current_database()) as bytes,
       to_regclass('public.alembic_version') is not null as made"""


@dataclass(frozen=True)
class Point:
    """One thing looked at: whether it is as it must be, what was found, and what to do where it is not."""

    name: str
    grade: str
    """`ok`, `note` for what the service runs without, `missing` for what it does not run without."""
    found: str
    advice: str = ""


async def check(connection: asyncpg.Connection, workers: int = 1) -> list[Point]:
    """Look at a database through a connection of the service's own login."""
    row = await connection.fetchrow(_STATE)
    missing = [] if row["superuser"] else await missing_roles(connection)
    settings = {name: await connection.fetchval("select current_setting($1)", name) for name in NEEDED}
    return [*_server(row, workers), *_rights(row, missing), *_settings(settings), *_safety(row)]


def _server(row: asyncpg.Record, workers: int) -> Iterator[Point]:
    fits = row["number"] >= OLDEST
    yield Point(
        "version", "ok" if fits else "missing", f"PostgreSQL {row['version']}",
        "" if fits else f"PostgreSQL {OLDEST // 10_000} or newer is needed",
    )  # fmt: skip
    wanted = CONNECTIONS_OF_A_WORKER * workers + CONNECTIONS_OF_JOBS + CONNECTIONS_OF_COMMANDS
    enough = row["connections"] >= wanted
    yield Point(
        "connections", "ok" if enough else "missing", f"max_connections = {row['connections']}",
        "" if enough else f"{workers} workers, jobs and a few commands need {wanted}: raise max_connections",
    )  # fmt: skip
    apart = abs((row["clock"] - datetime.now(UTC)).total_seconds())
    agree = apart <= CLOCK_SECONDS
    yield Point(
        "clock", "ok" if agree else "missing", f"{apart:.1f} s apart from this machine's",
        "" if agree else "set both by NTP (chrony): moments of records and sessions depend on them",
    )  # fmt: skip
    yield Point("size", "ok", f"{row['database']}: {row['bytes'] / 1e6:.0f} MB")


def _rights(row: asyncpg.Record, missing: list[str]) -> Iterator[Point]:
    run = f"run once as a superuser: suanbu db roles --login {row['login']} | psql -d {row['database']}"
    yield Point(
        "roles", "missing" if missing else "ok", f"not made yet: {', '.join(missing)}" if missing else "made",
        run if missing else "",
    )  # fmt: skip
    serves = row["superuser"] or row["serves"]
    yield Point(
        "rights", "ok" if serves else "missing",
        f"{row['login']} {'may' if serves else 'may not'} act as {SERVICE_ROLE}", "" if serves else run,
    )  # fmt: skip
    if not (row["superuser"] or row["migrates"]):
        yield Point(
            "migrations", "note", f"{row['login']} may not act as {OWNER_ROLE}",
            "name a login that may in SUANBU_MIGRATOR_URL for `suanbu db upgrade`",
        )  # fmt: skip
    if row["superuser"]:
        yield Point(
            "login", "note", f"{row['login']} is a superuser",
            "give the service a login of its own (docs/operations.md): it needs no such right",
        )  # fmt: skip


def _settings(settings: Mapping[str, Any]) -> Iterator[Point]:
    for name, wanted in NEEDED.items():
        right = settings[name] == wanted
        yield Point(
            name, "ok" if right else "missing", str(settings[name]), "" if right else f"{name} must be {wanted}"
        )
    yield Point("isolation", "ok", "said by every transaction, whatever the server's default")


def _safety(row: asyncpg.Record) -> Iterator[Point]:
    if not row["tls"] and not row["near"]:
        yield Point("tls", "note", "the connection is not encrypted", "say sslmode=verify-full in DATABASE_URL")
    if row["checksums"] != "on":
        yield Point("checksums", "note", "pages carry no check sums", "stop the server and run pg_checksums --enable")
    if row["archives"] == "off":
        yield Point(
            "archiving", "note", "archive_mode = off",
            "without it a backup restores to its own moment only (docs/operations.md, Backup)",
        )  # fmt: skip
    yield Point("standby", "ok", row["standbys"] or "none is waited for")
