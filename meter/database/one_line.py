"""What an error of the database says to whoever runs a command: one line, what is wrong and what to do."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping

import asyncpg
from sqlalchemy.exc import DBAPIError

from meter.database.address import Address, BadAddress, address_of
from meter.database.connect import CONNECTING
from meter.database.embedded_host import DatabaseUnavailable
from meter.database.errors import DatabaseUnfit, JournalUnavailable
from meter.database.known_database import StandbyRefused
from meter.database.pooler import ADVICE
from meter.database.roles import RolesMissing

_SAID: Mapping[type[BaseException], str] = {
    asyncpg.InvalidPasswordError: "the password is wrong: {error}",
    asyncpg.InvalidAuthorizationSpecificationError: "the login is refused (pg_hba.conf says who may): {error}",
    asyncpg.InvalidCatalogNameError: "there is no such database: {error}",
    asyncpg.InsufficientPrivilegeError: "the login lacks a right (`suanbu db roles` prints what gives it): {error}",
    asyncpg.TooManyConnectionsError: "the server has no connection left (max_connections): {error}",
    asyncpg.CannotConnectNowError: "the server is not ready yet; try again: {error}",
    asyncpg.TargetServerAttributeNotMatched: "none of the hosts is a primary that can be written: {error}",
    asyncpg.ClientConfigurationError: "DATABASE_URL cannot be used: {error}",
    asyncpg.DuplicatePreparedStatementError: ADVICE,
    asyncpg.InvalidSQLStatementNameError: ADVICE,
    StandbyRefused: "{error}: name the primary, or all hosts separated by commas",
    socket.gaierror: "the name of the host is not known: {error}",
    TimeoutError: "there was no answer in time (connect_timeout says how long to wait)",
    asyncio.TimeoutError: "there was no answer in time (connect_timeout says how long to wait)",
    ConnectionRefusedError: "nothing answers there: {error}",
    ssl.SSLError: "TLS failed (sslmode and sslrootcert say what is asked of it): {error}",
    FileNotFoundError: "a socket, certificate or key named in DATABASE_URL is not there: {error}",
}
_THEIRS = (
    BadAddress, DatabaseUnfit, RolesMissing, DatabaseUnavailable, JournalUnavailable, asyncpg.InterfaceError,
    asyncpg.PostgresError, OSError,
)  # fmt: skip
"""Other errors that tell of the database and not of a mistake of ours; what they say is said as it is."""
MOST_CHARACTERS = 500


def in_one_line(error: BaseException, url: str | None = None) -> str | None:
    """Say in one line what an error tells about the database at `url`; None when it tells of a mistake of ours."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig.__cause__ or error.orig
    if isinstance(error, OSError) and not isinstance(error, StandbyRefused) and CONNECTING not in _notes(error):
        return None  # of a file that a command was to read, say
    place = ""
    try:
        found: Address | None = address_of(url) if url else None
        place = f" at {found.place}" if found is not None else ""
    except BadAddress:
        pass
    for kind, said in _SAID.items():
        if isinstance(error, kind):
            return _line(f"the database{place}: {said.format(error=error)}")
    if isinstance(error, BadAddress):
        return _line(f"DATABASE_URL: {error}")
    if isinstance(error, (asyncpg.DataError, asyncpg.SyntaxOrAccessError)) and not isinstance(error, _MISSING):
        return None
    return _line(f"the database{place}: {error}") if isinstance(error, _THEIRS) else None


_MISSING = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
    asyncpg.UndefinedObjectError,
)


def _notes(error: BaseException) -> list[str]:
    return list(getattr(error, "__notes__", ()))


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…"
