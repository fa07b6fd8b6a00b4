"""Clocks that jump, forwards and back, of the service and of the database, each for itself, while clients push.

Nothing is lost or counted twice, what was recorded later is never dated earlier, and a cut of the journal stays what it
was. Deadlines are kept by the database's clock alone: leases and fences under a moved one are in tests/payout.
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

import asyncpg
import pytest

from tests.faults.harness import figures
from tests.faults.harness.clocks import Clock
from tests.faults.harness.oracle import acknowledged, judge
from tests.faults.harness.scale import SCALE, TIMEOUT_SECONDS
from tests.faults.harness.seeds import kept_when_it_fails, seeds_of
from tests.faults.harness.supervisor import Supervisor
from tests.support.journal import journal_is_whole
from tests.support.own_server import binaries_of, own_server
from tests.support.postgres import folder_for_postgres
from tests.support.serving import over_http

HOUR, DAY, YEAR = 3600, 86_400, 366 * 86_400
JUMPS = (HOUR, -HOUR, DAY, -DAY, YEAR, -YEAR, 1, -1, 0)
SOURCE, LANES = "clocks", 3


@pytest.mark.timeout(TIMEOUT_SECONDS)
@pytest.mark.parametrize("seed", seeds_of("clocks"))
async def test_whatever_the_clocks_do_everything_counts_once_and_in_order(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    with kept_when_it_fails("clocks", seed), folder_for_postgres() as folder:
        ours, theirs = Clock.at(folder, "service"), Clock.at(folder, "server")
        for name, value in theirs.environment.items():
            monkeypatch.setenv(name, value)
        with own_server(binaries_of("18")) as server:
            for name in theirs.environment:
                monkeypatch.delenv(name)
            async with (
                Supervisor.over(server, folder, workers=1, job_workers=0, environment=ours.environment) as it,
                over_http(it.served.url, server.url()) as door,
            ):
                await door.register_the_usual()
                platform = await door.platform(SOURCE)
                clients = it.start_clients(platform.key, ("a",), LANES, SCALE.batch_records)
                await clients.all_served_again()
                for number in range(SCALE.clock_jumps):
                    (ours, theirs)[number % 2].jump(chance.choice(JUMPS) if number else HOUR)
                    await clients.all_served_again()
                await clients.finish()
                journals = clients.journals()
                owner = await asyncpg.connect(server.url())
                try:
                    batches = acknowledged(journals, SCALE.batch_records)
                    verdict = await judge(owner, SOURCE, batches, await door.holder("usage:read"))
                    await journal_is_whole(owner)
                    moments = [row[0] for row in await owner.fetch("select recorded_at from batch order by batch")]
                finally:
                    await owner.close()
    figures.record(
        "clock jumps", jumps=SCALE.clock_jumps, acknowledged_records=verdict.acknowledged, lost=verdict.lost,
        doubled=verdict.doubled, bound_95=figures.bound(SCALE.clock_jumps),
    )  # fmt: skip
    assert [said for one in journals.values() for said in one.wrong] == []
    assert (verdict.lost, verdict.doubled, verdict.strangers, verdict.differences) == (0, 0, 0, [])
    assert moments == sorted(moments), "a later batch was dated earlier"
    assert (moments[-1] - moments[0]).total_seconds() > HOUR / 2, "the clock never jumped for the service"


async def test_a_jumping_clock_is_what_a_process_reads(tmp_path: Path) -> None:
    clock = Clock.at(tmp_path, "one")
    clock.jump(YEAR)
    code = "import time, datetime; print(time.time(), datetime.datetime.now().timestamp(), time.monotonic())"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, env=clock.environment, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    machine = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    right, _ = await machine.communicate()
    wall, date, steady = (float(one) - float(other) for one, other in zip(said.split(), right.split(), strict=True))
    assert abs(wall - YEAR) < HOUR
    assert abs(date - YEAR) < HOUR
    assert abs(steady) < HOUR, "only the wall clock jumps"
