"""A connection whose commits are confirmed by the standby that the server waits for, or are no success.

When the wait for a synchronous standby is cancelled (by a time limit of the server, or by somebody), the commit still
succeeds: the server has it, says so in a warning only, and the standby may lack it. Then nobody may be told that it is
done.
"""

from __future__ import annotations

from typing import Any, Final

import asyncpg

_WARNING: Final = "01000"
_SAID: Final = "synchronous replication"


class NotConfirmed(asyncpg.InterfaceError):  # type: ignore[misc]  # the driver has no types
    """What was committed is on the server and perhaps nowhere else: doing it again is safe, believing it is not."""


class Confirming(asyncpg.Connection):  # type: ignore[misc]  # the driver has no types
    """A connection that raises NotConfirmed where the wait for the standby was cancelled."""

    __slots__ = ("_warning",)

    def __init__(self, *how: Any) -> None:
        super().__init__(*how)
        self._warning: str | None = None
        self.add_log_listener(_heard)

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109 - the driver's
        """Execute SQL; what the driver commits with goes through here too. Raises NotConfirmed."""
        self._warning = None
        done: str = await super().execute(query, *args, timeout=timeout)
        if self._warning is not None and (_SAID in self._warning or query[:6].lower() == "commit"):
            raise NotConfirmed(f"the commit was not confirmed: {self._warning}")
        return done

    # where it was cut off before, the driver's own would fail as if the mistake were ours

    async def copy_from_query(self, *given: Any, **named: Any) -> str:
        """Copy the rows of a query out. Raises InterfaceError where the connection is closed."""
        self._must_be_open()
        done: str = await super().copy_from_query(*given, **named)
        return done

    async def copy_to_table(self, *given: Any, **named: Any) -> str:
        """Copy rows into a table. Raises InterfaceError where the connection is closed."""
        self._must_be_open()
        done: str = await super().copy_to_table(*given, **named)
        return done

    async def copy_records_to_table(self, *given: Any, **named: Any) -> str:
        """Copy records into a table. Raises InterfaceError where the connection is closed."""
        self._must_be_open()
        done: str = await super().copy_records_to_table(*given, **named)
        return done

    def _must_be_open(self) -> None:
        if self.is_closed():
            raise asyncpg.InterfaceError("connection is closed")

    def warned(self, warning: str) -> None:
        """Keep what the server warned of while the statement at hand was executed."""
        self._warning = warning


def _heard(connection: Any, message: asyncpg.PostgresLogMessage) -> None:
    if message.sqlstate == _WARNING and message.severity_en == "WARNING":
        connection.warned(message.message)
