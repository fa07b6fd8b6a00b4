"""A pooler between us and the server: one that keeps a connection for as long as we do is fine, another is refused.

With pgbouncer in transaction mode every transaction may run on another connection of the server: role, isolation,
search path and prepared statements of one process would be another's. One connection does not show it, so two are used.
"""

from __future__ import annotations

import asyncpg

from meter.database.connect import connect
from meter.database.errors import DatabaseUnfit

ADVICE = (
    "a pooler in transaction mode stands before the database, and suanbu sets roles and settings on its connections: "
    "set pool_mode = session for this database in pgbouncer.ini, or name the server itself"
)


class PoolerRefused(DatabaseUnfit):
    """The pooler changes the server's connection under ours."""


async def refuse_transaction_pooling(url: str) -> None:
    """Raise PoolerRefused where a pooler gives a connection of the server for one transaction only."""
    try:
        first = await connect(url, application="suanbu check")
        try:
            if first.get_server_pid() != await _backend(first):  # what a pooler says is of its own making
                second = await connect(url, application="suanbu check")
                try:
                    await _refuse_exchange(first, second)
                finally:
                    await second.close()
        finally:
            await first.close()
    except (asyncpg.DuplicatePreparedStatementError, asyncpg.InvalidSQLStatementNameError):
        raise PoolerRefused(ADVICE) from None


async def _refuse_exchange(first: asyncpg.Connection, second: asyncpg.Connection) -> None:
    """Let two transactions end in the order in which a pooler that lends would give one the other's connection."""
    async with first.transaction(isolation="read_committed"):
        await _backend(first)
        async with second.transaction(isolation="read_committed"):
            before = await _backend(second)
    async with second.transaction(isolation="read_committed"):
        if await _backend(second) != before:
            raise PoolerRefused(ADVICE)


async def _backend(connection: asyncpg.Connection) -> int:
    return int(await connection.fetchval("select pg_backend_pid()"))
