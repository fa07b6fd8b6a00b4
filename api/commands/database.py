"""`suanbu db`: the database's shape and where it is."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from api.commands.common import DEFAULT_DATA, Data
from meter.database.connect import database_urls
from meter.database.roles import READER_ROLE, RolesMissing, sql_for
from migrations.upgrade import upgrade as apply

APP = typer.Typer(no_args_is_help=True, help="the database")


@APP.command("upgrade")
def upgrade(data: Data = DEFAULT_DATA) -> None:
    """Apply missing migrations, under a lock; safe while services run and from several places at once."""
    with database_urls(data) as urls:
        try:
            before, after = asyncio.run(apply(urls.migrator))
        except RolesMissing as missing:
            raise typer.BadParameter(str(missing)) from None
    print(f"already at {after}" if before == after else f"upgraded from {before or 'nothing'} to {after}")


@APP.command("url")
def url(data: Data = DEFAULT_DATA) -> None:
    """Print the URL of the role that only reads, for psql and Grafana (an embedded server answers while one runs)."""
    with database_urls(data) as urls:
        found = urls.reader
    if found is None:
        raise typer.BadParameter(
            "DATABASE_URL's login may write: make one that reads (create role NAME login password '...' "
            f"in role {READER_ROLE}) and name it in SUANBU_READER_URL"
        )
    print(found)


@APP.command("roles")
def roles(
    login: Annotated[
        str | None, typer.Option(help="the login of DATABASE_URL, which may then act as each role")
    ] = None,
) -> None:
    """Print the SQL that a superuser runs once on a database of your own server: `suanbu db roles | psql -d NAME`."""
    print(sql_for(login))
