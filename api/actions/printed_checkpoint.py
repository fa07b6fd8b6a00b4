"""The signed checkpoint that goes onto a locked settlement's reports, whichever door they leave by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg

from api.service import Service
from settlement.checkpoint.printed import printed


async def checkpoint_of(
    service: Service, connection: asyncpg.Connection, settlement: Mapping[str, Any]
) -> dict[str, Any] | None:
    """What is to be printed; None where nothing is locked, or where this service has no place for a key."""
    data = service.settings.data
    return None if data is None else await printed(connection, settlement, data)
