"""A province and its people for tests of review."""

from __future__ import annotations

import pytest_asyncio

from tests.support.api_client import ApiClient, KeyClient
from tests.support.province import People, people_of, populate


@pytest_asyncio.fixture(scope="module")
async def platform(app: ApiClient) -> KeyClient:
    """The platform that sent the province's usage."""
    return await populate(app)


@pytest_asyncio.fixture
async def people(app: ApiClient, platform: KeyClient) -> People:
    """Fresh people over a province with usage."""
    assert platform.key
    return await people_of(app)
