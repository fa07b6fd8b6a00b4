"""A busy province of which a checkpoint was made, for everybody who tampers with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from settlement.checkpoint.make import Made, make
from tests.security.tampering import owner_connection
from tests.support.busy import busy_province
from tests.support.postgres import Cluster
from tests.support.serving import in_process

ORIGIN = "suanbu.example/province"


@dataclass(frozen=True)
class Busy:
    """The database, its last checkpoint and the key that signed it."""

    url: str
    made: Made
    key: Ed25519PrivateKey


@pytest_asyncio.fixture(scope="session")
async def busy(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Busy]:
    """Nobody leaves a change in it."""
    async with cluster.database() as url:
        async with in_process(url) as door:
            await busy_province(door, tmp_path_factory.mktemp("busy") / "archive")
        key = Ed25519PrivateKey.generate()
        connection = await owner_connection(url)
        made = await make(connection, ORIGIN, key)
        await connection.close()
        yield Busy(url, made, key)
