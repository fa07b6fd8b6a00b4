"""Writes the snapshot of the newest revision, from which the next migration is tried.

Run it as `python -m tests.migrations.snapshot`. It takes PostgreSQL 15, because older servers cannot read newer dumps.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import zstandard

from migrations.revisions import newest
from migrations.upgrade import upgrade
from tests.support.busy import busy_province
from tests.support.own_server import OwnServer, binaries_of, own_server
from tests.support.serving import in_process

FOLDER = Path(__file__).parent / "snapshots"


async def fill(url: str) -> None:
    """Let everything happen in a small province that leaves a row."""
    await upgrade(url)
    with TemporaryDirectory() as folder:
        async with in_process(url) as door:
            await busy_province(door, Path(folder))


def dumped(server: OwnServer) -> str:
    """The database as SQL that any connection can execute, whoever the superuser is."""
    dump = server.run("pg_dump", "--inserts", "--rows-per-insert=200", "-d", server.url())
    lines = (line for line in dump.splitlines() if not line.startswith(("\\", "--")))
    return "\n".join(lines).replace("OWNER TO postgres;", "OWNER TO CURRENT_USER;")


def main() -> None:
    """Write the file."""
    os.environ["SUANBU_SEAL_KEY"] = "5e" * 32
    with own_server(binaries_of("15")) as server:
        asyncio.run(fill(server.url()))
        place = FOLDER / f"{newest()}.sql.zst"
        place.write_bytes(zstandard.compress(dumped(server).encode(), 19))
    print(f"written: {place}")


if __name__ == "__main__":
    main()
