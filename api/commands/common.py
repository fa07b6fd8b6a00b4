"""What the commands share: where the data is, and running one async piece of work against the migrated database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from api.commands.hand import Asked, hand_of

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from meter.database.connect import DatabaseUrls

Data = Annotated[Path, typer.Option("--data", help="data directory (unused when DATABASE_URL is set)")]
KeyFile = Annotated[
    Path | None, typer.Option("--key-file", help="a file of mode 0600 with the key of who gives the command")
]
Json = Annotated[bool, typer.Option("--json", help="one JSON line per result")]
DEFAULT_DATA = Path("data")
UNUSABLE = 3  # the exit status where the database or a port cannot be used
T = TypeVar("T")


def with_database(data: Path, work: Callable[[AsyncEngine], Awaitable[T]], asked: Asked | None = None) -> T:
    """Run `work` with an engine on the database, which is brought to the newest shape first.

    It acts on behalf of who gives the command; `asked` is what a command that decides asks of him.
    """
    from api.clock import now
    from meter.database.connect import command_engine, database_urls
    from meter.database.roles import RolesMissing
    from meter.database.scope import act_as
    from meter.database.seal import ensure_seal
    from migrations.upgrade import upgrade

    ensure_seal(data)

    async def run(urls: DatabaseUrls) -> T:
        await upgrade(urls.migrator)
        engine = command_engine(urls.command)
        try:
            act_as(await hand_of(engine, data, asked, now()))
            return await work(engine)
        finally:
            await engine.dispose()

    with database_urls(data) as urls:
        try:
            return asyncio.run(run(urls))
        except RolesMissing as missing:
            raise typer.BadParameter(str(missing)) from None
