"""`suanbu db`: the database's shape and where it is."""

from __future__ import annotations

import asyncio
import os

import typer

from api.commands.common import DEFAULT_DATA, Data
from meter.database.connect import database_url
from meter.database.embedded import embedded
from migrations.upgrade import upgrade as apply

APP = typer.Typer(no_args_is_help=True, help="the database")


@APP.command("upgrade")
def upgrade(data: Data = DEFAULT_DATA) -> None:
    """Apply missing migrations, under a lock; safe while services run and from several places at once."""
    with database_url(data) as url:
        before, after = asyncio.run(apply(url))
    print(f"already at {after}" if before == after else f"upgraded from {before or 'nothing'} to {after}")


@APP.command("url")
def url(data: Data = DEFAULT_DATA) -> None:
    """Print the database's URL, for psql and Grafana (an embedded server answers while a service runs)."""
    given = os.environ.get("DATABASE_URL")
    if given:
        print(given)
    else:
        with embedded(data) as server:
            print(server.url)
