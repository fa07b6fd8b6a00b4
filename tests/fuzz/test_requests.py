"""Thousands of requests that are nearly right, over every route and page: none is answered with a fault of ours.

`SUANBU_FUZZ` says how many (`make fuzz` sends 100,000), `SUANBU_FUZZ_SEED` with which seed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.fuzz.judge import fuzz
from tests.fuzz.scene import Scene
from tests.openapi.routes import all_routes
from tests.support.api_client import ApiClient

REQUESTS = int(os.environ.get("SUANBU_FUZZ", "3000"))
SEED = int(os.environ.get("SUANBU_FUZZ_SEED", "19"))
GROWTH_MAX = 512 * 2**20


@pytest.mark.timeout(3600)
async def test_no_request_is_answered_with_a_fault_of_ours(app: ApiClient) -> None:
    tally = await fuzz(await Scene.of(app), SEED, REQUESTS)
    figures = tally.as_json()
    print(json.dumps(figures, indent=1))
    if place := os.environ.get("SUANBU_FUZZ_FIGURES"):
        Path(place).write_text(json.dumps(figures, indent=1) + "\n")  # noqa: ASYNC240 - after all requests
    assert tally.faults == [], f"seed {SEED}"
    assert set(tally.routes) == {f"{one.method} {one.path}" for one in all_routes()}, "a route that no request met"
    assert len(tally.answered_well) > len(all_routes()) / 2, "the requests are so wrong that nothing gets past the door"
    assert tally.grown_bytes < GROWTH_MAX
