"""Bringing a database to the shape this code needs: forward only, one process at a time."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from meter.database.check import Point
from meter.database.connect import driver, owner_engine
from meter.database.locks import AdvisoryLock
from meter.database.roles import SERVICE_ROLE, RolesMissing, act_as_owner
from migrations.fitting import DatabaseNewer, ShapeDiffers, missing_from, told
from migrations.revisions import applied, newest, refuse_newer


def configuration(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration; with a connection, for running migrations on it."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    if connection is not None:
        config.attributes["connection"] = connection
    return config


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
