"""`suanbu db`: the database's shape and where it is."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from api.commands.common import DEFAULT_DATA, Data, Json

if TYPE_CHECKING:
    from meter.database.check import Point

ROOM_BYTES: Final = 2_000_000_000
APP = typer.Typer(no_args_is_help=True, help="the database")


@APP.command("upgrade")
def upgrade(data: Data = DEFAULT_DATA) -> None:
    """Apply missing migrations, under a lock; safe while services run and from several places at once."""
    from meter.database.connect import database_urls
    from meter.database.roles import RolesMissing
    from migrations.upgrade import upgrade as apply

    with database_urls(data) as urls:
        try:
            before, after = asyncio.run(apply(urls.migrator))
        except RolesMissing as missing:
            raise typer.BadParameter(str(missing)) from None
    print(f"already at {after}" if before == after else f"upgraded from {before or 'nothing'} to {after}")


@APP.command("check")
def check(
    data: Data = DEFAULT_DATA,
    workers: Annotated[int, typer.Option(min=1, help="worker processes that are to serve")] = 1,
    as_json: Json = False,
) -> None:
    """Say what the database has and lacks for the service, and what to do; exit status 1 where something is missing."""
    from meter.database.connect import database_urls

    with database_urls(data) as urls:
        points = asyncio.run(_points(urls.service, workers))
    points.append(_room(data))
    for point in points:
        if as_json:
            print(json.dumps(asdict(point), ensure_ascii=False))
        else:
            print(f"{point.grade:<8}{point.name}: {point.found}" + (f"; {point.advice}" if point.advice else ""))
    if any(point.grade == "missing" for point in points):
        raise typer.Exit(1)


async def _points(url: str, workers: int) -> list[Point]:
    from meter.database.check import check as look
    from meter.database.connect import connect, owner_engine
    from meter.database.pooler import refuse_transaction_pooling
    from migrations.upgrade import shape_of

    await refuse_transaction_pooling(url)
    opened = await connect(url, application="suanbu check")
    try:
        points = await look(opened, workers)
    finally:
        await opened.close()
    engine = owner_engine(url)
    try:
        async with engine.connect() as connection:
            points.append(await shape_of(connection))
    finally:
        await engine.dispose()
    return points


def _room(data: Path) -> Point:
    """Room where the data directory is, or will be: key file, archive, and an embedded server's files."""
    from meter.database.check import Point

    place = data.resolve()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    enough = free >= ROOM_BYTES
    return Point(
        "disk", "ok" if enough else "missing", f"{free / 1e9:.1f} GB free under {place}",
        "" if enough else "make room: key file, archive and an embedded database grow there",
    )  # fmt: skip


@APP.command("url")
def url(data: Data = DEFAULT_DATA) -> None:
    """Print the URL of the role that only reads, for psql and Grafana (an embedded server answers while one runs)."""
    from meter.database.connect import database_urls
    from meter.database.roles import READER_ROLE

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
    from meter.database.roles import sql_for

    print(sql_for(login))
