"""One digest, whatever threads, hash seeds and order of rows, compiled or not, and on whichever PostgreSQL."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from meter.database.bootstrap import SUPERUSER
from meter.database.embedded import embedded
from meter.database.roles import OWNER_ROLE
from migrations.upgrade import upgrade
from settlement.compute.settle import settle
from settlement.errors import SettlementRefused
from settlement.jobs.worlds.inputs import inputs_of
from settlement.rounds import load_rounds
from tests.laws.worlds import world_of
from tests.support.debian import program
from tests.support.own_server import DEBIAN
from tests.support.postgres import Cluster, folder_for_postgres, url_of
from tests.support.province import people_of, populate, run
from tests.support.serving import in_process
from tests.support.worlds import every_line

WORLDS = 40
KINDS: dict[str, tuple[dict[str, str], list[str]]] = {
    "one thread": ({"POLARS_MAX_THREADS": "1", "NUMBA_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}, []),
    "two threads, rows in another order": (
        {"POLARS_MAX_THREADS": "2", "NUMBA_NUM_THREADS": "2", "PYTHONHASHSEED": "4242"}, ["shuffled"],
    ),
    "nothing compiled": ({"NUMBA_DISABLE_JIT": "1", "PYTHONHASHSEED": "1", "PYTHONWARNINGS": "ignore"}, []),
}  # fmt: skip
Settled = list[tuple[Any, str, Any, Any]]


@pytest.fixture(scope="module")
def settled() -> tuple[Settled, list[str]]:
    """What many random worlds are settled from, and their digests in this process."""
    rounds, found, digests = load_rounds(), [], []
    for seed in range(WORLDS):
        world = world_of(seed)
        try:
            inputs, _ = inputs_of(world)
        except SettlementRefused:
            continue
        order, readings = world.get("order"), world.get("readings")
        found.append((inputs, world["round"], order, readings))
        try:
            digests.append(settle(inputs, rounds[world["round"]], order, readings).digest)
        except SettlementRefused as refused:
            digests.append(refused.code)
    assert len({digest for digest in digests if ":" in digest}) > WORLDS / 2, "most worlds are settled"
    return found, digests


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_a_settlement_has_one_digest_in_every_kind_of_process(
    settled: tuple[Settled, list[str]], kind: tuple[dict[str, str], list[str]]
) -> None:
    found, digests = settled
    environment, arguments = kind
    done = subprocess.run(
        [sys.executable, "-m", "tests.settlement.settle_again", *arguments],
        input=pickle.dumps(found), env={**os.environ, **environment}, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert json.loads(done.stdout) == digests


@pytest_asyncio.fixture
async def debians() -> AsyncIterator[str]:
    """The URL of a migrated database on Debian's PostgreSQL, whichever the other tests run on."""
    program("initdb", "postgresql-15", folder=DEBIAN)
    with folder_for_postgres() as folder, embedded(folder, Path(DEBIAN)) as server:
        made = Cluster(server.url(SUPERUSER), "suanbu_other")
        await made.command(f"create database {made.template}")
        await upgrade(url_of(made.server, made.template))
        await made.command(f"alter database {made.template} owner to {OWNER_ROLE}")
        yield url_of(made.server, made.template)


async def settled_on(database: str) -> tuple[str, list[dict[str, Any]]]:
    """The digest of the same province's settlement, and its lines."""
    async with in_process(database) as door:
        await populate(door)
        people = await people_of(door)
        made = await run(people.clerk, budget_fen=70_001)
        return made["digest"], await every_line(people.clerk, made["id"])


@pytest.mark.timeout(900)  # it makes a server and fills two
async def test_a_settlement_has_one_digest_on_every_postgresql(cluster: Cluster, debians: str) -> None:
    async with cluster.database() as ours:
        here = await settled_on(ours)
    there = await settled_on(debians)
    assert here == there
    assert sum(line["payable_fen"] for line in here[1]) == 70_001
