"""Every setting that the environment can carry: its default, what it means, and whether it is a secret."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit


class Setting(NamedTuple):
    """One environment variable."""

    name: str
    default: str
    meaning: str
    secret: bool = False
    own: bool = False
    """Whether processes of one service leave it to each other: not for people to set."""


TABLE: Final = (
    Setting("DATABASE_URL", "", "the service's database, as libpq reads it; without it an embedded PostgreSQL"),
    Setting("SUANBU_MIGRATOR_URL", "DATABASE_URL", "the login that migrations are applied with"),
    Setting("SUANBU_COMMAND_URL", "DATABASE_URL", "the login of commands that make keys and people"),
    Setting("SUANBU_READER_URL", "", "the login that only reads, for `suanbu db url`"),
    Setting("SUANBU_BACKUP_URL", "DATABASE_URL", "the login of `suanbu backup` and `restore`"),
    Setting("SUANBU_SEAL_KEY", "", "the key that seals accounts, in hex; without it DATA/seal.key", secret=True),
    Setting("SUANBU_PASSWORD", "", "the new password for `suanbu user create` and `password`", secret=True),
    Setting("SUANBU_DIGEST", "sm3", "the algorithm of new digests: sm3 or sha256"),
    Setting("SUANBU_SECOND_FACTOR", "", "roles that log in with a code, beside those that must"),
    Setting("SUANBU_PUBLIC_URL", "", "the address under which people reach the console"),
    Setting("SUANBU_ORIGIN", "", "the name of this installation in signed checkpoints"),
    Setting("SUANBU_LOG_FORMAT", "console", "how the log is written: console or json"),
    Setting("SUANBU_LOG_LEVEL", "info", "what is logged: debug, info, warning or error"),
    Setting("SUANBU_ACCESS_LOG", "on", "a line for every request: on or off"),
    Setting("SUANBU_SERVICE_DATABASE_URL", "", "the database of worker processes", own=True),
    Setting("SUANBU_WORKERS", "1", "how many worker processes there are", own=True),
    Setting("SUANBU_WORKERS_FOLDER", "", "where workers say that they are ready", own=True),
    Setting("SUANBU_JOBS_FOLDER", "", "where job processes say that they live", own=True),
    Setting("SUANBU_JOB_CHILD", "", "the process that a process of jobs ends with", own=True),
    Setting("SUANBU_DATA", "", "the data directory of worker processes", own=True),
)
_PASSWORD: Final = re.compile(r"(password=)('(?:[^'\\]|\\.)*'|[^\s&]*)")


def in_force(environment: Mapping[str, str] = os.environ) -> Iterator[tuple[str, str, str]]:
    """Yield name, value (no secret in it) and where it comes from, of each setting that people set."""
    for one in TABLE:
        if one.own:
            continue
        given = environment.get(one.name, "")
        yield one.name, masked(one, given) if given else one.default, "environment" if given else "default"


def masked(setting: Setting, value: str) -> str:
    """Return a value as it may be shown."""
    if setting.secret:
        return "(set)"
    parts = urlsplit(value) if "://" in value else None
    if parts is not None and parts.password:
        user, _, hosts = parts.netloc.rpartition("@")
        value = parts._replace(netloc=f"{user.partition(':')[0]}:***@{hosts}").geturl()
    return _PASSWORD.sub(r"\1***", value)


def as_markdown() -> str:
    """Return the table for docs/operations.md."""
    shown = [one for one in TABLE if not one.own]
    rows = [f"| `{one.name}` | {f'`{one.default}`' if one.default else ''} | {one.meaning} |" for one in shown]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows])
