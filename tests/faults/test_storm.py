"""A storm: kills of every process, commits whose answer is cut off, and a network that does its worst, by one seed.

Clients push all the while and sync what they are told; a payout job pays through it; settlements are asked for twice at
once. `make faults` has 300 kills and 2,000 cuts, SUANBU_FAULTS_SEED another order. kill -9 keeps the operating
system's cache: test_power_loss.py takes that away as well.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from meter.database.connect import driver, owner_engine
from meter.registry.proof import facts_of_batches
from meter.registry.queries import rules_as_of
from settlement.checkpoint.check import check
from settlement.checkpoint.make import Made, make
from tests.bank.journal import Journal as BankJournal
from tests.faults.harness import figures
from tests.faults.harness.client import Journal
from tests.faults.harness.content import CITIES, CONSUMERS
from tests.faults.harness.kinds import KILLS, Fault, networks, planned
from tests.faults.harness.oracle import Verdict, acknowledged, judge
from tests.faults.harness.scale import SCALE, TIMEOUT_SECONDS, deadline
from tests.faults.harness.seeds import kept_when_it_fails, seeds_of
from tests.faults.harness.settler import Settler
from tests.faults.harness.supervisor import HEALING_SECONDS, Supervisor
from tests.payout.conftest import Paying
from tests.payout.files import balance, instructions
from tests.payout.released import released
from tests.support.api_client import ApiClient, good
from tests.support.own_server import binaries_of, own_server
from tests.support.postgres import folder_for_postgres
from tests.support.province import locked, people_of, populate
from tests.support.records import entity
from tests.support.serving import over_http

CLIENTS, LANES = ("a", "b"), 3
CALM_SECONDS = 0.3
CHECKPOINTS = 5
PAYING_SECONDS = 600
SETTINGS = "fsync = on\nmax_wal_size = 256MB\n"  # of several lines the last counts; little to recover from each time
SOURCE, ORIGIN = "storm", "storm.example"
CUT = "cut at a commit's answer"


@dataclass
class Storm:
    """One storm, and what it counts."""

    it: Supervisor
    chance: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    recoveries: list[float] = field(default_factory=list)
    checkpoints: list[Made] = field(default_factory=list)
    planned: int = 0
    done: int = 0
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    async def blow(self) -> None:
        """Do everything that is planned, in an order that the seed decides."""
        plan = [(name, KILLS[name]) for name in planned(SCALE.kills, self.chance)]
        winds = networks(SCALE.black_hole_seconds)
        plan += [(name, do) for name, do in winds.items() for _ in range(SCALE.networks)]
        self.chance.shuffle(plan)
        self.planned = len(plan)
        each, more = divmod(SCALE.cuts, len(plan))
        until = deadline()
        for number, (name, do) in enumerate(plan):
            if time.monotonic() > until:
                return
            await self._cut(each + (number < more))
            await self._fault(name, do)
            self.done += 1
            if number % (len(plan) // CHECKPOINTS) == 0:
                async with as_owner(self.it.server.url()) as owner:
                    self.checkpoints.append(await make(owner, ORIGIN, self.key))

    async def _fault(self, name: str, do: Fault) -> None:
        """Do one thing, and wait until every client is served again; then let it be calm for a moment."""
        assert self.it.clients
        began = time.monotonic()
        await do(self.it, self.chance)
        if name in KILLS:
            self.kills[name] += 1
        await self.it.clients.all_served_again()
        self.recoveries.append(time.monotonic() - began)
        await asyncio.sleep(CALM_SECONDS * self.chance.random())

    async def _cut(self, times: int) -> None:
        """Cut so many connections, one after the other, at the answer to a commit of the journal."""
        proxy = self.it.proxy
        for _ in range(times):
            proxy.cut = done = asyncio.Event()
            await asyncio.wait_for(done.wait(), HEALING_SECONDS)
            await asyncio.sleep(0.05 * self.chance.random())


@asynccontextmanager
async def as_owner(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection past the proxy, as commands have it."""
    engine = owner_engine(url)
    try:
        async with engine.connect() as held:
            yield await driver(held)
    finally:
        await engine.dispose()


async def prepared(door: ApiClient, server: str) -> Paying:
    """A province with a locked settlement whose payments are released, and the consumers of the storm."""
    await populate(door, SCALE.payments_a_city)
    registrar = await door.registrar()
    storm = [entity(code, region=CITIES[number % len(CITIES)]) for number, code in enumerate(CONSUMERS)]
    assert good(await registrar.put("/entities", storm))["accepted"] == len(storm)
    people = await people_of(door)
    made = await locked(people)
    paying = Paying(door, people, made["id"], await asyncpg.connect(server))
    await released(paying)
    await paying.owner.close()
    return paying


async def everything_is_paid(it: Supervisor, paying: Paying) -> tuple[int, dict[str, int]]:
    """Wait until the last is paid; our ledger is then the bank's journal to the fen. How many, and what hit."""
    assert it.payments
    await asyncio.to_thread(it.payments.bank.control, heal=True, nights=1)
    until = time.monotonic() + PAYING_SECONDS
    while {one["status"] for one in await instructions(paying)} != {"paid"}:
        assert time.monotonic() < until, Counter(one["status"] for one in await instructions(paying))
        await asyncio.sleep(0.5)
    journal = BankJournal.at(it.payments.bank.journal)
    for one in (every := await instructions(paying)):
        assert journal.net(one["reference"].split("-R")[0]) == one["amount_fen"], "not paid exactly once"
    assert {theirs: fen for theirs, fen in (await balance(paying)).items() if fen} == journal.balance()
    return len(every), journal.hit


async def judged(storm: Storm, door: ApiClient, journals: dict[str, Journal]) -> Verdict:
    """Hold the database against the clients' journals, and against the checkpoints that were made on the way."""
    batches = acknowledged(journals, SCALE.batch_records)
    async with as_owner(storm.it.server.url()) as owner:
        verdict = await judge(owner, SOURCE, batches, await door.holder("usage:read"))
        head, count = await owner.fetchrow("select max(batch), count(*) from batch")
        verdict.differ("batches", count, head)
        for made in storm.checkpoints[-1:]:  # it also recomputes the journal from its bodies
            found = await check(
                owner, made.checkpoint, read_facts=facts_of_batches, read_rules=rules_as_of, marks=made.marks
            )
            verdict.differ("checkpoint", found, [])
    return verdict


def assert_it_hit(storm: Storm, journals: dict[str, Journal], settler: Settler, bank: dict[str, int]) -> None:
    """A fault that was planned and never hit fails the run."""
    hits = storm.it.proxy.hits
    if storm.done == storm.planned:
        assert sum(storm.kills.values()) == SCALE.kills
        assert hits[CUT] == SCALE.cuts
    assert SCALE.kills < len(KILLS) or set(storm.kills) == set(KILLS)
    assert set(hits) == {CUT, *networks(0)}, "a wind never blew"
    assert sum(one.found for one in journals.values()) > 0, "no answer to a commit was ever lost"
    assert sum(one.broken for one in journals.values()) > 0, "no request was ever under way when a process died"
    assert sum(one.told_to_wait for one in journals.values()) > 0, "nobody was ever told to wait"
    assert settler.made
    assert bank, "no payment met a fault of the bank"


@pytest.mark.timeout(TIMEOUT_SECONDS)
@pytest.mark.parametrize("seed", seeds_of("storm"))
async def test_nothing_acknowledged_is_lost_and_nothing_counts_twice(seed: int) -> None:
    with (
        kept_when_it_fails("storm", seed),
        folder_for_postgres() as folder,
        own_server(binaries_of("18"), SETTINGS) as server,
    ):
        async with Supervisor.over(server, folder) as it, over_http(it.served.url, server.url()) as door:
            await weather(Storm(it, random.Random(seed)), door)


async def weather(storm: Storm, door: ApiClient) -> None:
    """Let it blow, let it be calm, and judge."""
    it, began = storm.it, time.monotonic()
    paying = await prepared(door, it.server.url())
    clerk, platform = await door.holder("settlement:run", "report:read"), await door.platform(SOURCE)
    async with as_owner(it.server.url()) as owner:
        as_of = await owner.fetchval("select max(batch) from batch")
    clients = it.start_clients(platform.key, CLIENTS, LANES, SCALE.batch_records)
    it.start_paying()
    over = asyncio.Event()
    async with httpx.AsyncClient(base_url=it.served.url, timeout=60) as asking:
        settler = Settler(asking, clerk.key, as_of)
        settling = asyncio.create_task(settler.run(over))
        await clients.all_served_again()
        await storm.blow()
        healed = await clients.all_served_again()
        await clients.finish()
        over.set()
        await settling
    blown = time.monotonic() - began
    journals = clients.journals()
    paid, bank = await everything_is_paid(it, paying)
    verdict = await judged(storm, door, journals)
    wrong = [said for one in journals.values() for said in one.wrong]
    figures.record(
        "storm", seconds=round(blown), faults_planned=storm.planned, faults_done=storm.done,
        acknowledged_records=verdict.acknowledged, lost=verdict.lost,
        doubled=verdict.doubled, bound_95=figures.bound(verdict.acknowledged), kills=dict(storm.kills),
        kill_cycles=sum(storm.kills.values()), hits=dict(it.proxy.hits),
        ambiguous_batches=sum(one.found for one in journals.values()),
        told_to_wait=sum(one.told_to_wait for one in journals.values()),
        broken_requests=sum(one.broken for one in journals.values()), wrong_answers=len(wrong),
        settlements=len(settler.made), settlements_asked_again=settler.unanswered, payments=paid, bank=bank,
        first_answer_after_restart_seconds=figures.seconds(it.restarts),
        everybody_served_again_seconds=figures.seconds(storm.recoveries), calm_again_seconds=round(healed, 3),
    )  # fmt: skip
    assert wrong == []
    assert (verdict.lost, verdict.doubled, verdict.strangers, verdict.differences) == (0, 0, 0, [])
    assert_it_hit(storm, journals, settler, bank)
    answer = await door.client.get(
        f"/v1/settlements/{settler.made[-1]['id']}/verify", headers={"Authorization": f"Bearer {clerk.key}"}
    )
    assert good(answer)["equal"] is True
    said = (it.folder / "service.log").read_text(errors="replace")
    assert "Traceback" not in said, said[said.index("Traceback") - 500 :][:3000]
    assert "was destroyed but it is pending" not in said
