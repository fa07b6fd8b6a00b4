"""All shared worlds through the HTTP API: registry, usage, settlement, lines, each on a database of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from settlement.jobs.worlds import load_worlds
from tests.support.postgres import Cluster
from tests.support.serving import in_process
from tests.support.worlds import differences

FOLDER = Path(__file__).parents[3] / "shared" / "worlds"
WORLDS = [world for file in sorted(FOLDER.glob("*.yaml")) for world in load_worlds(file)] if FOLDER.exists() else []


def test_the_shared_worlds_are_here_or_it_is_said_why() -> None:
    """Users have no such folder: then there is nothing to check, and that is said."""
    if not WORLDS:
        print(f"{FOLDER} is absent: the shared worlds exist on development machines and in CI only")
    assert WORLDS or not FOLDER.exists()


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: str(world["id"]))
async def test_a_shared_world_holds_over_http(world: dict[str, Any], cluster: Cluster) -> None:
    """What the world expects is what the service answers."""
    async with cluster.database() as url, in_process(url) as door:
        assert await differences(door, world) == []
