"""What the commands share: where the data is, and running one async piece of work against the migrated database."""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import DatabaseUrls, command_engine, database_urls
from meter.database.roles import RolesMissing
from meter.database.scope import Scope, act_as
from meter.database.seal import ensure_seal
from migrations.upgrade import upgrade

Data = Annotated[Path, typer.Option("--data", help="data directory (unused when DATABASE_URL is set)")]
Json = Annotated[bool, typer.Option("--json", help="one JSON line per result")]
DEFAULT_DATA = Path("data")
UNSET = 2**32 - 1  # of a login uid
T = TypeVar("T")


def with_database(data: Path, work: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    """Run `work` with an engine on the database, which is brought to the newest shape first."""

    ensure_seal(data)

    async def run(urls: DatabaseUrls) -> T:
        await upgrade(urls.migrator)
        act_as(Scope("*", f"command line:{user_name()}"))
        engine = command_engine(urls.command)
        try:
            return await work(engine)
        finally:
            await engine.dispose()

    with database_urls(data) as urls:
        try:
            return asyncio.run(run(urls))
        except RolesMissing as missing:
            raise typer.BadParameter(str(missing)) from None


def user_name() -> str:
    """Whose process this is, as the operating system says: what LOGNAME says anybody can set.

    Where the system keeps who logged in (and sudo or su came after), that name is said too.
    """
    acting, logged_in = os.getuid(), _login_uid()
    if logged_in is None or logged_in == acting:
        return _name_of(acting)
    return f"{_name_of(logged_in)} as {_name_of(acting)}"


def _login_uid(place: Path = Path("/proc/self/loginuid")) -> int | None:
    """Who logged in to the session that this process belongs to; None where nobody did or the system does not say."""
    try:
        found = int(place.read_text())
    except (OSError, ValueError):
        return None
    return None if found == UNSET else found


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
