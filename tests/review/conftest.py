"""A province and its people for tests of review."""

from __future__ import annotations

import pytest_asyncio

from tests.support.door import Door, Holder
from tests.support.province import People, people_of, populate


@pytest_asyncio.fixture(scope="module")
async def platform(app: Door) -> Holder:
    """The platform that sent the province's usage."""
    return await populate(app)


@pytest_asyncio.fixture
async def people(app: Door, platform: Holder) -> People:
    """Fresh people over a province with usage."""
    assert platform.key
    return await people_of(app)
