"""Bringing a database to the shape this code needs: forward only, one process at a time."""

from __future__ import annotations

from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from meter.database.check import Point
from meter.database.connect import driver, owner_engine
from meter.database.locks import AdvisoryLock
from meter.database.roles import SERVICE_ROLE, RolesMissing, act_as_owner
from migrations.fitting import DatabaseNewer, ShapeDiffers, missing_from, told


def configuration(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration; with a connection, for running migrations on it."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    if connection is not None:
        config.attributes["connection"] = connection
    return config


def newest() -> str:
    """Return the revision this code needs."""
    head = ScriptDirectory.from_config(configuration()).get_current_head()
    assert head is not None
    return head


def refuse_newer(revision: str | None) -> None:
    """Raise DatabaseNewer for a revision that this code has never heard of."""
    known = {one.revision for one in ScriptDirectory.from_config(configuration()).walk_revisions()}
    if revision is not None and revision not in known:
        raise DatabaseNewer(
            f"the database is at {revision}, and this is older code, which knows nothing beyond {newest()}: "
            "install the version that upgraded it, or a later one"
        )


async def upgrade(url: str) -> tuple[str | None, str]:
    """Apply what is missing, under a lock; the revision before and after. A second caller waits and finds it done.

    Tables and functions come to belong to the owner's role, whoever connects. Raises RolesMissing where the roles are
    not made yet, or where something is missing and this login may not act as the owner; DatabaseNewer; ShapeDiffers
    where the number is right and the tables are not.
    """
    engine = owner_engine(url)
    try:
        async with engine.connect() as connection:
            await connection.execute(text(f"select pg_advisory_lock({AdvisoryLock.MIGRATING})"))
            await connection.commit()
            try:
                allowed = await act_as_owner(await driver(connection))
                if not allowed:
                    return await _as_it_is(connection)
                before = await connection.run_sync(_revision)
                refuse_newer(before)
                await connection.run_sync(lambda sync: command.upgrade(configuration(sync), "head"))
                await connection.commit()
                after = await connection.run_sync(_revision)
                if missing := await missing_from(connection):
                    raise ShapeDiffers(told(missing, after))
                await connection.commit()
            finally:
                await connection.execute(text(f"select pg_advisory_unlock({AdvisoryLock.MIGRATING})"))
                await connection.commit()
    finally:
        await engine.dispose()
    assert after is not None
    return before, after


async def _as_it_is(connection: AsyncConnection) -> tuple[str, str]:
    """Return the revision, for a login that may change no table. Raises RolesMissing unless it is the newest."""
    await connection.execute(text(f"set role {SERVICE_ROLE}"))
    found = await connection.run_sync(_revision)
    refuse_newer(found)
    if found != newest():
        raise RolesMissing(
            f"the database is at {found or 'nothing'}, this code needs {newest()}: run `suanbu db upgrade` "
            "with a login that may act as suanbu_owner (SUANBU_MIGRATOR_URL)"
        )
    return found, found


def _revision(connection: Connection) -> str | None:
    revision = MigrationContext.configure(connection).get_current_revision()
    connection.commit()
    return revision


async def applied(connection: AsyncConnection) -> str | None:
    """Return the revision that the database is at."""
    revision: str | None = (await connection.execute(text("select version_num from alembic_version"))).scalar()
    return revision


async def applied_to(connection: asyncpg.Connection) -> str | None:
    """Return the revision of the database behind a connection of the driver's."""
    revision: str | None = await connection.fetchval("select version_num from alembic_version")
    return revision


async def shape_of(connection: AsyncConnection) -> Point:
    """Look at the database's shape as this code needs it, for whoever asks what is missing."""
    if not (await connection.execute(text("select to_regclass('public.alembic_version')"))).scalar():
        return Point("shape", "note", "empty", "`suanbu serve` or `suanbu db upgrade` makes the tables")
    may = (
        f"select pg_has_role(session_user, to_regrole('{SERVICE_ROLE}'), 'member')"  # null where there is no such role
    )
    if not (await connection.execute(text(may))).scalar():
        return Point("shape", "note", "not looked at", f"who connects may not act as {SERVICE_ROLE}")
    await connection.execute(text(f"set role {SERVICE_ROLE}"))
    revision = await applied(connection)
    try:
        refuse_newer(revision)
    except DatabaseNewer as newer:
        return Point("shape", "missing", f"at {revision}", str(newer))
    if revision != newest():
        return Point("shape", "note", f"at {revision}", f"`suanbu db upgrade` brings it to {newest()}")
    missing = await missing_from(connection)
    return Point("shape", "missing" if missing else "ok", f"at {revision}", told(missing, revision) if missing else "")
