"""Whether a database has the shape that this code needs: asked of the catalogue, not of a number."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from meter.database.errors import DatabaseUnfit
from migrations.shape import METADATA

_COLUMNS = text("""
    select c.relname as table_name, a.attname as column_name, a.attnotnull as required
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped""")
MOST_NAMED = 5


class ShapeDiffers(DatabaseUnfit):
    """Tables or columns are not as this code needs them, whatever number the database is at."""


class DatabaseNewer(DatabaseUnfit):
    """The database was upgraded by newer code than this."""


async def missing_from(connection: AsyncConnection) -> list[str]:
    """What of our tables and columns the database does not have as we need it, by name."""
    found = {(row.table_name, row.column_name): row.required for row in await connection.execute(_COLUMNS)}
    missing: list[str] = []
    for table in METADATA.sorted_tables:
        if (table.schema or "public") != "public":
            continue
        if not any(name == table.name for name, _ in found):
            missing.append(table.name)
            continue
        for column in table.columns:
            if (table.name, column.name) not in found:
                missing.append(f"{table.name}.{column.name}")
            elif column.nullable == found[table.name, column.name]:
                missing.append(f"{table.name}.{column.name} ({'may' if column.nullable else 'must not'} be empty)")
    return missing


def told(missing: list[str], revision: str | None) -> str:
    """Say in one line what is missing, and what to do."""
    named = ", ".join(missing[:MOST_NAMED]) + (f" and {len(missing) - MOST_NAMED} more" if missing[MOST_NAMED:] else "")
    return (
        f"the database says that it is at {revision}, and lacks {named}: it was made by other code of that number; "
        "restore a backup, or make it anew"
    )
