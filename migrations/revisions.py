"""Which revisions of the database this code knows, by the names of their files: no worker loads Alembic for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.fitting import DatabaseNewer

_NAME: Final = re.compile(r"v(\d{4})_\w+\.py")


@cache
def revisions() -> Sequence[str]:
    """Return every revision, the first one first."""
    found = (_NAME.fullmatch(path.name) for path in (Path(__file__).parent / "versions").iterdir())
    return sorted(name[1] for name in found if name)


def newest() -> str:
    """Return the revision this code needs."""
    return revisions()[-1]


def refuse_newer(revision: str | None) -> None:
    """Raise DatabaseNewer for a revision that this code has never heard of."""
    if revision is not None and revision not in revisions():
        raise DatabaseNewer(
            f"the database is at {revision}, and this is older code, which knows nothing beyond {newest()}: "
            "install the version that upgraded it, or a later one"
        )


async def applied(connection: AsyncConnection) -> str | None:
    """Return the revision that the database is at."""
    revision: str | None = (await connection.execute(text("select version_num from alembic_version"))).scalar()
    return revision


async def applied_to(connection: asyncpg.Connection) -> str | None:
    """Return the revision of the database behind a connection of the driver's."""
    revision: str | None = await connection.fetchval("select version_num from alembic_version")
    return revision
