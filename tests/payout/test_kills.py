"""Real processes: the payout job is killed and stopped at any moment, against a bank that is a process of its own.

SUANBU_PAYOUT_KILLS (default 3 a gateway) says how many jobs are started and killed; `make payout-kills` has 300.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from meter.database.scope import PROVINCE, acting
from settlement.payout.gateways import Worker
from settlement.payout.job_settings import read_settings
from tests.bank.behaviour import WAYS
from tests.bank.journal import Journal
from tests.payout.conftest import Paying
from tests.payout.files import balance, instructions
from tests.payout.forking import Jobs
from tests.payout.processes import SEED, Bank, at_work, settings_of
from tests.payout.proof import bound, keep
from tests.support.api_client import good
from tests.support.clock import later
from tests.support.postgres import Cluster
from tests.support.province import locked, people_of, populate
from tests.support.serving import in_process
from tests.support.worlds import post

KILLS = int(os.environ.get("SUANBU_PAYOUT_KILLS", "3"))
ENTITIES_A_CITY = 10 if KILLS <= 3 else KILLS
HEALING = 16
HOURS = 26


@pytest.fixture(params=["http", "batch"])
def gateway(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def bank(tmp_path: Path, gateway: str) -> Iterator[Bank]:
    made = Bank(tmp_path, gateway)
    yield made
    made.close()


@pytest.fixture
def jobs(large: Paying, tmp_path: Path) -> Iterator[Jobs]:
    made = Jobs(large.door.url, tmp_path)
    yield made
    made.close()


@pytest_asyncio.fixture
async def large(cluster: Cluster) -> AsyncIterator[Paying]:
    """A province with as many payments as the kills need."""
    async with cluster.database() as url, in_process(url) as door:
        await populate(door, ENTITIES_A_CITY)
        people = await people_of(door)
        made = await locked(people)
        owner = await asyncpg.connect(url)
        try:
            yield Paying(door, people, made["id"], owner)
        finally:
            await owner.close()


async def decide(paying: Paying, bank: Bank, journal: Path) -> None:
    """People decide what failed, came back or is disputed, and release what is ready."""
    people, known = paying.people, Journal.at(journal)
    for one in await instructions(paying):
        path = f"/payouts/{one['id']}"
        if one["status"] in ("failed", "returned"):
            good(await post(people.approver, f"{path}/retry"))
        elif one["status"] == "disputed":
            base = one["reference"].split("-R")[0]
            net = known.net(base)
            if net not in (0, one["amount_fen"]):
                paid = [name for name, payment in known.payments.items()
                        if name.split("-R")[0] == base and payment.state == "paid"]  # fmt: skip
                await asyncio.to_thread(bank.control, take_back=paid[:1])
                continue
            outcome = {"outcome": "paid" if net else "failed"}
            first = await post(people.approver, f"{path}/settle", outcome)
            if first.status_code == 200 and first.json()["status"] == "disputed":
                good(await post(people.second, f"{path}/settle", outcome))
    for run in await people.payer.items("/payout-runs", status="stopped"):
        good(await post(people.approver, f"/payout-runs/{run['id']}/approve"))
    made = await post(people.payer, "/payout-runs", {"settlement": paying.settlement})
    if made.status_code == 201:
        good(await post(people.approver, f"/payout-runs/{made.json()['id']}/approve"))


async def a_kill(jobs: Jobs, bank: Bank, settings: Path, chance: random.Random, number: int) -> str:
    """Start a job, let it come to work, and kill it; sometimes it is stopped first while another one works."""
    since = bank.journal.stat().st_size if bank.journal.exists() else 0
    process = await asyncio.to_thread(jobs.start, settings, f"w{number}")
    busy = await at_work(bank, since, seconds=6)
    await asyncio.sleep(0.4 * chance.random())
    how = "killed"
    if chance.random() < 0.5:
        how = "stopped and killed"
        process.signal(signal.SIGSTOP)
        other = await asyncio.to_thread(jobs.start, settings, f"o{number}", "--once")
        await asyncio.to_thread(other.wait, 60)
        other.kill()
        process.signal(signal.SIGCONT)
        await asyncio.sleep(chance.random())
    assert process.lives(), f"the job ended by itself: {process.errors.read_text()[-2000:]}"
    process.kill()
    return how if busy else f"{how} with nothing new at the bank"


def _clock(moment: datetime) -> datetime:
    return moment


@pytest.mark.timeout(7200)
async def test_killed_at_any_moment_everybody_is_paid_once(
    large: Paying, jobs: Jobs, bank: Bank, gateway: str, tmp_path: Path
) -> None:
    chance = random.Random(f"{SEED}-{gateway}")
    settings, how = settings_of(tmp_path, bank, gateway), Counter[str]()
    first = -HOURS * KILLS  # jobs have the clock of this machine, so the days of the kills lie before it
    for number in range(KILLS):
        async with later(large.owner, hours=first + HOURS * number):
            await decide(large, bank, bank.journal)
            how[await a_kill(jobs, bank, settings, chance, number)] += 1
            await asyncio.to_thread(bank.control, nights=1)
    await asyncio.to_thread(bank.control, heal=True)
    told = read_settings(settings, {})
    for number in range(1, HEALING + 1):
        # what is silent is asked about once a day, by the job's clock too
        then = datetime.now(UTC) + timedelta(hours=HOURS * number)
        worker = Worker("healing", 1000, "command line", partial(_clock, then))
        async with later(large.owner, hours=HOURS * number):
            await decide(large, bank, bank.journal)
            with acting(PROVINCE):  # nothing dies any more, so this need not be a process
                await told.gateway.one_pass(large.door.engine, worker)
            await asyncio.to_thread(bank.control, nights=1)
            await asyncio.sleep(0.5)  # the bank reads its folder
        if number > 4 and all(one["status"] == "paid" for one in await instructions(large)):
            break
    stands = await asyncio.to_thread(bank.control)
    everything, journal = await instructions(large), Journal.at(bank.journal)
    print(f"{gateway}: {KILLS} jobs {dict(how)}, hit {stands['hit']}")
    assert {one["status"] for one in everything} == {"paid"}, "stuck although the bank is well"
    for one in everything:
        base = one["reference"].split("-R")[0]
        assert journal.net(base) == one["amount_fen"], f"{base} was not paid exactly once"
    assert {theirs: fen for theirs, fen in (await balance(large)).items() if fen} == journal.balance()
    assert stands["hit"], "no fault was met"
    if len(WAYS) < KILLS:
        assert set(stands["hit"]) == set(WAYS), "a fault that never hit proves nothing"
        assert {"killed", "stopped and killed"} <= set(how)
    keep(
        f"kills: {gateway}", seed=SEED, kills=KILLS, how=how, payments=len(everything), hit_by_way=stands["hit"],
        double_or_stuck=bound(0, KILLS),
    )  # fmt: skip
