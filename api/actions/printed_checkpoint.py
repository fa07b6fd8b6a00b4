"""The signed checkpoint that goes onto a locked settlement's reports, whichever door they leave by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg

from api.settings import Settings
from settlement.checkpoint.printed import printed


async def checkpoint_of(
    settings: Settings, connection: asyncpg.Connection, settlement: Mapping[str, Any]
) -> dict[str, Any] | None:
    """What is to be printed; None where nothing is locked, or where this process has no place for a key."""
    return None if settings.data is None else await printed(connection, settlement, settings.data)
