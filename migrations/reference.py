"""The schema that the migrations make, as digests by object: `python -m migrations.reference` writes it anew.

A database is held against it by `suanbu verify --checkpoint`. The servers by which it is written down are the embedded
one and those whose bin folders are named; versions of PostgreSQL spell some definitions in different ways.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import asyncpg

from meter.database.bootstrap import SUPERUSER
from meter.database.connect import connect
from meter.database.embedded import embedded
from meter.database.roles import ROLES
from migrations.upgrade import upgrade
from settlement.checkpoint.schema import digests
from settlement.store import schema

FILE = Path(__file__).with_name("schema.json")


async def expected_schema(connection: asyncpg.Connection) -> Mapping[str, str | None]:
    """Return what the migrations make on a server of this version.

    None for an object that it may spell in another way.
    """
    version = str(await schema.version(connection))
    objects: dict[str, str | dict[str, str]] = json.loads(FILE.read_text(encoding="utf-8"))["objects"]
    return {name: said if isinstance(said, str) else said.get(version) for name, said in objects.items()}


async def migrated_schema(url: str) -> tuple[str, dict[str, str]]:
    """Migrate a database; return its server's version and the schema's digests."""
    await upgrade(url)
    connection = await connect(url, application="suanbu reference")
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            found = digests(await schema.objects(connection, list(ROLES)))
            return str(await schema.version(connection)), found
    finally:
        await connection.close()


def written(found: Mapping[str, Mapping[str, str]]) -> str:
    """Return the file's text: one object a line, with one digest where all versions agree."""
    versions = sorted(found)
    lines = []
    for name in sorted({name for objects in found.values() for name in objects}):
        said = {version: found[version][name] for version in versions if name in found[version]}
        one = set(said.values())
        value = one.pop() if len(said) == len(versions) and len(one) == 1 else said
        lines.append(f"{json.dumps(name)}: {json.dumps(value)}")
    return '{"versions": ' + json.dumps(versions) + ', "objects": {\n' + ",\n".join(lines) + "\n}}\n"


def main() -> None:
    """Write the file, with a server of each bin folder that is named besides the embedded one."""
    found = {}
    for folder in (None, *map(Path, sys.argv[1:])):
        with tempfile.TemporaryDirectory() as data:
            Path(data).chmod(0o755)
            with embedded(Path(data), folder) as server:
                version, objects = asyncio.run(migrated_schema(server.url(SUPERUSER)))
        found[version] = objects
    FILE.write_text(written(found), encoding="utf-8")
    print(f"wrote {FILE}: {', '.join(f'PostgreSQL {version}: {len(found[version])} objects' for version in found)}")


if __name__ == "__main__":
    main()
