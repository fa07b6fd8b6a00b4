"""What the commands share: where the data is, and running one async piece of work against the migrated database."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import database_url, service_engine
from meter.database.scope import Scope, act_as
from meter.database.seal import ensure_seal
from migrations.upgrade import upgrade

Data = Annotated[Path, typer.Option("--data", help="data directory (unused when DATABASE_URL is set)")]
Json = Annotated[bool, typer.Option("--json", help="one JSON line per result")]
DEFAULT_DATA = Path("data")
T = TypeVar("T")


def with_database(data: Path, work: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    """Run `work` with an engine on the database, which is brought to the newest shape first."""

    ensure_seal(data)

    async def run(url: str) -> T:
        await upgrade(url)
        act_as(Scope("*", f"command line:{getpass.getuser()}"))
        engine = service_engine(url, connections=2)
        try:
            return await work(engine)
        finally:
            await engine.dispose()

    with database_url(data) as url:
        return asyncio.run(run(url))
