"""Real processes: the payout job is killed and stopped at any moment, against a bank that is a process of its own.

SUANBU_PAYOUT_KILLS (default 3 a gateway) says how many jobs are started and killed; `make payout-kills` has 300.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio

from tests.bank.behaviour import WAYS
from tests.bank.journal import Journal
from tests.payout.conftest import Paying
from tests.payout.files import balance, instructions
from tests.support.api_client import good
from tests.support.clock import later
from tests.support.postgres import Cluster
from tests.support.province import locked, people_of, populate
from tests.support.serving import in_process
from tests.support.worlds import post

KILLS = int(os.environ.get("SUANBU_PAYOUT_KILLS", "3"))
SEED = 20261130
ENTITIES_A_CITY = 10 if KILLS <= 3 else 40
HEALING = 16
HOURS = 26
STARTING = 12
TOP = Path(__file__).parents[2]


class Bank:
    """The bank's process and its door."""

    def __init__(self, folder: Path, gateway: str) -> None:
        self.journal = folder / "journal"
        command = [sys.executable, "-m", "tests.bank", "--journal", str(self.journal), "--seed", str(SEED)]
        if gateway == "batch":
            command += ["--folder", str(folder / "exchange")]
        self._process = subprocess.Popen(command, cwd=TOP, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()

    def control(self, **said: Any) -> dict[str, Any]:
        """Ask for nights, healing or money back; how things stand."""
        answer = httpx.post(f"{self.url}/control", json=said, timeout=30)
        found: dict[str, Any] = answer.json()
        return found

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


@pytest.fixture(params=["http", "batch"])
def gateway(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def bank(tmp_path: Path, gateway: str) -> Iterator[Bank]:
    made = Bank(tmp_path, gateway)
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


def settings_of(folder: Path, bank: Bank, gateway: str) -> Path:
    """The job's settings as a file."""
    path = folder / "payout.toml"
    part = f'[http]\nurl = "{bank.url}"\ntimeout_seconds = 1\nresend_after_hours = 24\nfollow_days = 3650\n'
    if gateway == "batch":
        part = f'[batch]\nfolder = "{folder / "exchange"}"\n'
    path.write_text(f'gateway = "{gateway}"\nlimit = 7\nevery_seconds = 1\n{part}')
    return path


def job(paying: Paying, settings: Path, name: str, *more: str) -> subprocess.Popen[str]:
    """A job of its own process."""
    command = [sys.executable, "-m", "api", "payout", "run", "--settings", str(settings), "--worker", name, *more]
    return subprocess.Popen(
        command, cwd=TOP, env={**os.environ, "DATABASE_URL": paying.door.url}, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


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


async def at_work(bank: Bank, since: int) -> None:
    """Wait until the bank's journal has grown, or the job has had time enough for a pass in which nothing is due."""
    for _ in range(STARTING * 10):
        await asyncio.sleep(0.1)
        if (bank.journal.stat().st_size if bank.journal.exists() else 0) > since:
            return


async def a_kill(paying: Paying, bank: Bank, settings: Path, chance: random.Random, number: int) -> str:
    """Start a job, let it come to work, and kill it; sometimes it is stopped first while another one works."""
    since = bank.journal.stat().st_size if bank.journal.exists() else 0
    process = job(paying, settings, f"w{number}")
    await at_work(bank, since)
    await asyncio.sleep(0.4 * chance.random())
    how = "killed"
    if chance.random() < 0.5:
        how = "stopped and killed"
        process.send_signal(signal.SIGSTOP)
        other = job(paying, settings, f"o{number}", "--once")
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(other.wait, 60)
        other.kill()
        other.wait()
        process.send_signal(signal.SIGCONT)
        await asyncio.sleep(chance.random())
    died = process.poll()
    process.kill()
    _, said = process.communicate()
    assert died is None, f"the job ended by itself: {said[-2000:]}"
    return how


@pytest.mark.timeout(7200)
async def test_killed_at_any_moment_everybody_is_paid_once(
    large: Paying, bank: Bank, gateway: str, tmp_path: Path
) -> None:
    chance = random.Random(f"{SEED}-{gateway}")
    settings, how = settings_of(tmp_path, bank, gateway), []
    first = -HOURS * (KILLS + HEALING + 1)  # the database's clock begins in the past, and ends now
    for number in range(KILLS):
        async with later(large.owner, hours=first + HOURS * number):
            await decide(large, bank, bank.journal)
            how.append(await a_kill(large, bank, settings, chance, number))
            await asyncio.to_thread(bank.control, nights=1)
    await asyncio.to_thread(bank.control, heal=True)
    for number in range(HEALING):
        async with later(large.owner, hours=first + HOURS * (KILLS + number)):
            await decide(large, bank, bank.journal)
            last = job(large, settings, f"h{number}", "--once", "--limit", "1000")
            _, said = await asyncio.to_thread(last.communicate, timeout=240)
            assert last.returncode == 0, said[-2000:]
            await asyncio.to_thread(bank.control, nights=1)
            await asyncio.sleep(0.5)  # the bank reads its folder
        if number > 3 and all(one["status"] == "paid" for one in await instructions(large)):
            break
    stands = await asyncio.to_thread(bank.control)
    everything, journal = await instructions(large), Journal.at(bank.journal)
    print(f"{gateway}: {KILLS} jobs {how}, hit {stands['hit']}")
    assert {one["status"] for one in everything} == {"paid"}, "stuck although the bank is well"
    for one in everything:
        base = one["reference"].split("-R")[0]
        assert journal.net(base) == one["amount_fen"], f"{base} was not paid exactly once"
    assert {theirs: fen for theirs, fen in (await balance(large)).items() if fen} == journal.balance()
    assert stands["hit"], "no fault was met"
    if len(WAYS) < KILLS:
        assert set(stands["hit"]) == set(WAYS), "a fault that never hit proves nothing"
        assert len(set(how)) == 2
