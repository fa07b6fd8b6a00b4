"""On whose behalf the database is asked: every connection of the service says so before it is used.

A connection that nobody has said this of sees no row of any table that belongs to cities: row security takes an unset
scope for nobody. A scope is set for a task (a request, a command, a background job) and follows it into whatever it
awaits; when a connection is taken from the pool, it is told the scope if it was told another one last.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.known_database import DatabaseChanged, KnownDatabase
from meter.database.roles import CITY_ROLE, SERVICE_ROLE

SEARCH_PATH: Final = "public, pg_temp"  # said last, or a temporary table would hide a real one of its name


@dataclass(frozen=True)
class Scope:
    """A city's code, `*` for the whole province or nothing for nobody; who acts, and what he has shown for it."""

    city: str
    actor: str = ""
    era: int | None = None
    """Of the database that let them in: in no other one may anything be done on their behalf. None: in any."""
    proof: str = field(default="", repr=False)
    """A key, a signature or a session, as the database recognises it: whoever has shown none decides nothing."""
    company: bool = False
    """Whether somebody acts for one entity: no table has a row for him, the database's functions tell what is his."""

    def role(self, of_the_engine: str = SERVICE_ROLE) -> str:
        """Return the database role: the engine's own, and one of far fewer rights for who is bound to a city or
        entity."""
        return CITY_ROLE if self.company or self.city not in ("*", "") else of_the_engine


NOBODY = Scope("")
PROVINCE = Scope("*")
_CURRENT: ContextVar[Scope] = ContextVar("scope", default=NOBODY)
_KNOWN: weakref.WeakKeyDictionary[Engine, KnownDatabase] = weakref.WeakKeyDictionary()


def act_as(scope: Scope) -> None:
    """Let this task act on this behalf from here on."""
    _CURRENT.set(scope)


def who_acts() -> str:
    """Return on whose behalf this task acts."""
    return _CURRENT.get().actor


def on_behalf_of(actor: str) -> Scope:
    """Return a scope without rows in which an actor is named: with what he has shown, where this task acts for him."""
    current = _CURRENT.get()
    return Scope("", actor, current.era, current.proof if current.actor == actor else "")


def current() -> Scope:
    """On whose behalf this task acts."""
    return _CURRENT.get()


@contextlib.contextmanager
def acting(scope: Scope) -> Iterator[None]:
    """Let this task act on this behalf while the block lasts."""
    token = _CURRENT.set(scope)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def tell_connections(engine: AsyncEngine, known: KnownDatabase, role: str = SERVICE_ROLE) -> None:
    """Have every connection of the engine told the scope of the task that takes it.

    One that leads to a database of an earlier era is given up for a new one. Who was let in by a database of an earlier
    era gets none: DatabaseChanged. One that comes back with a transaction open is given up as well.
    """

    _KNOWN[engine.sync_engine] = known

    @event.listens_for(engine.sync_engine, "checkout")
    def tell(connection: Any, record: Any, _: Any) -> None:
        scope = _CURRENT.get()
        era = known.era_of(connection.driver_connection)
        if era != known.era:
            raise DisconnectionError("the connection leads to another database than later ones do")
        if scope.era is not None and scope.era != era:
            raise DatabaseChanged("the database is another one than when this was asked; ask again")
        if record.info.get("scope") == scope:
            return
        record.info.pop("scope", None)  # if telling fails, nothing is known
        connection.run_async(lambda driver: _tell(driver, scope, scope.role(role)))
        record.info["scope"] = scope

    @event.listens_for(engine.sync_engine, "checkin")
    def give_up(connection: Any, record: Any) -> None:
        # whoever was cancelled while a transaction ended may have left it open, and the pool sees none that the driver
        # began: the next would read what was true then, and nothing that he writes would ever be committed
        if connection is not None and connection.driver_connection.is_in_transaction():
            record.invalidate()

    @event.listens_for(engine.sync_engine, "connect")
    def forget(_: Any, record: Any) -> None:
        record.info.pop("scope", None)


def known_by(engine: AsyncEngine) -> KnownDatabase:
    """Return what this process knows of the database that the engine leads to."""
    return _KNOWN[engine.sync_engine]


async def _tell(driver: Any, scope: Scope, role: str) -> None:
    await driver.execute(f"set role {role}")
    await driver.execute(f"set search_path = {'city, ' if role == CITY_ROLE else ''}{SEARCH_PATH}")
    await driver.execute(
        """select set_config('suanbu.city', $1, false), set_config('suanbu.actor', $2, false),
           set_config('suanbu.proof', $3, false)""",
        scope.city, scope.actor, scope.proof,
    )  # fmt: skip
