"""A worker that starts again beside newer code ends with one line: it does not know what the database has become."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from meter.database.connect import connect
from meter.database.errors import UNREACHABLE
from meter.database.roles import SERVICE_ROLE
from migrations.fitting import DatabaseNewer
from migrations.revisions import applied_to, refuse_newer

DATABASE_UNUSABLE: Final = 3


def refuse_newer_database(url: str) -> None:
    """End this process where the database was upgraded by newer code; one that is away is waited for, as ever."""
    with ThreadPoolExecutor(1) as thread:  # a loop runs here already
        try:
            refuse_newer(thread.submit(lambda: asyncio.run(_revision(url))).result())
        except DatabaseNewer as newer:
            print(f"suanbu: {newer}", file=sys.stderr, flush=True)
            sys.exit(DATABASE_UNUSABLE)
        except UNREACHABLE:
            return


async def _revision(url: str) -> str | None:
    opened = await connect(url, application="suanbu check", role=SERVICE_ROLE, seconds=10)
    try:
        return await applied_to(opened)
    finally:
        await opened.close()
