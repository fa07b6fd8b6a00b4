"""What an error of the database means: it is away, it cannot record now, a trigger refused, or we made a mistake."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import asyncpg
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    OperationalError,
    PendingRollbackError,
    ResourceClosedError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout


class JournalUnavailable(RuntimeError):
    """The journal cannot durably record now; nothing was acknowledged, and trying again later is safe."""


class DatabaseUnfit(RuntimeError):
    """The database is there, and this code cannot use it; the message says why and what to do."""


UNREACHABLE: tuple[type[Exception], ...] = (
    SQLAlchemyError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)
"""Kinds of errors among which are those of a database that is away: `unreachable` says which."""


@contextlib.asynccontextmanager
async def reaching_database() -> AsyncIterator[None]:
    """Turn every way of not reaching the database into JournalUnavailable; leave other errors alone."""
    try:
        yield
    except UNREACHABLE as error:
        if (away := unreachable(error)) is None:
            raise
        raise JournalUnavailable(away) from error


def unreachable(error: BaseException) -> str | None:
    """Say what an error tells about the database's condition; None when it is a mistake of ours."""
    if isinstance(error, _AWAY):
        return f"the database cannot be reached: {error}"
    if isinstance(error, asyncpg.PostgresError):
        passing = (error.sqlstate or "")[:2] in _PASSING
    elif isinstance(error, DBAPIError):
        cause = error.orig.__cause__ if error.orig is not None else None
        passing = error.connection_invalidated or (cause is not None and unreachable(cause) is not None)
    else:
        passing = False
    return f"the database cannot record now: {error}" if passing else None


_AWAY = (
    OSError,
    PoolTimeout,
    OperationalError,
    InterfaceError,
    # what is said of a transaction whose connection broke under it
    PendingRollbackError,
    ResourceClosedError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
# connection, state of the transaction, rollback, resources, state of an object, operator, system
_PASSING = frozenset({"08", "25", "40", "53", "55", "57", "58"})


def refusal_of(error: asyncpg.CheckViolationError) -> tuple[str, str]:
    """Tell what a trigger refused: the stable code that it gave as the constraint's name, and the reason in words."""
    return (error.constraint_name or "state_not_allowed").upper(), error.args[0]


UNSHOWN = frozenset({"actor_unproven", "actor_unknown", "scope_missing", "other_city", "proof_needed", "login_needed"})
"""What the database says to whoever has not shown to be who he says, or not for this."""


def hand_refused(error: BaseException) -> tuple[str, str] | None:
    """Tell the code and reason where a trigger refused the hand and not the deed: a key revoked a moment ago, say."""
    if isinstance(error, asyncpg.CheckViolationError) and error.constraint_name in UNSHOWN:
        return refusal_of(error)
    return None
