"""The primary is lost under a service that records: what was acknowledged is on the standby, and it goes on there.

SUANBU_FAILOVERS is how many primaries are lost, one after another (default 1; `make failovers` loses 30). Runs that
write figures add up, so that thirty may be three runs of ten.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import asyncpg
import httpx
import pytest

from api.auth.keys import NewKey, create_key
from api.clock import now
from meter.database.connect import owner_engine
from migrations.upgrade import upgrade
from tests.faults.harness.figures import added_up, record, seconds
from tests.support.journal import journal_is_whole
from tests.support.patroni import Pair, pair
from tests.support.records import chip, entity, facility, usage
from tests.support.serving import Served

FAILOVERS = int(os.environ.get("SUANBU_FAILOVERS", "1"))
AWAY_SECONDS = 15.0
"""How long clients may be told to come back; held against the clock by `make failovers`, where nothing else runs."""
SCOPES = ["usage:write", "usage:read", "registry:write", "registry:read"]


@dataclass
class Client:
    """Sends one record after another, each until it is acknowledged."""

    url: str
    headers: dict[str, str]
    acknowledged: list[str] = field(default_factory=list)
    away: list[float] = field(default_factory=list)
    """Seconds from the first refusal to the next acknowledgement."""
    wrong: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self, name: str) -> None:
        """Send until told to stop."""
        number, refused = 0, 0.0
        with httpx.Client(timeout=60) as client:
            while not self.stopping.is_set():
                identity = f"{name}-{number}"
                body = [usage(identity, charge_fen=7)]
                answer = client.post(f"{self.url}/v1/usage-records", json=body, headers=self.headers)
                if answer.status_code == 503 and answer.headers.get("retry-after"):
                    refused = refused or time.monotonic()
                    time.sleep(0.2)
                    continue
                if answer.status_code != 200 or answer.json()["accepted"] + answer.json()["duplicate"] != 1:
                    self.wrong.append(f"{answer.status_code} {answer.text[:200]}")
                if refused:
                    self.away.append(time.monotonic() - refused)
                    refused = 0.0
                self.acknowledged.append(identity)
                number += 1
                time.sleep(0.02)


@pytest.fixture
def two() -> Iterator[Pair]:
    with pair() as made:
        yield made


@pytest.mark.timeout(3600)
def test_a_lost_primary_loses_nothing_that_was_acknowledged(two: Pair) -> None:
    url = two.url()
    asyncio.run(upgrade(url))
    key = asyncio.run(create_key(owner_engine(url), NewKey("platform", SCOPES, source="platform"), now=now()))
    with Served.on(url, workers=1, job_workers=1) as served:
        client = Client(served.url, {"Authorization": f"Bearer {key}"})
        for path, item in (("chips", chip()), ("facilities", facility()), ("entities", entity())):
            assert httpx.put(f"{served.url}/v1/{path}", json=[item], headers=client.headers).status_code == 200
        senders = [threading.Thread(target=client.run, args=(f"sender-{n}",)) for n in range(3)]
        for sender in senders:
            sender.start()
        try:
            for _ in range(FAILOVERS):
                lose_and_wait(two, client)
        finally:
            client.stopping.set()
            for sender in senders:
                sender.join()
        total = httpx.get(f"{served.url}/v1/usage-totals?by=consumer", headers=client.headers, timeout=60).json()
        assert [one["records"] for one in total["items"]] == [len(client.acknowledged)]
    assert client.wrong == []
    asyncio.run(everything_is_there(url, client))
    away = added_up("failovers", "away", [round(one, 2) for one in client.away])
    record(
        "failovers",
        failovers=added_up("failovers", "failovers", FAILOVERS),
        acknowledged_records=added_up("failovers", "acknowledged_records", len(client.acknowledged)),
        lost=added_up("failovers", "lost", 0),  # what was lost failed above
        told_to_come_back_seconds=seconds(away),
        away=away,
    )
    assert FAILOVERS == 1 or max(client.away) <= AWAY_SECONDS


def lose_and_wait(two: Pair, client: Client) -> None:
    """Lose the node that leads, wait until records are acknowledged by the other, and bring the lost one back."""
    lost = two.leader()
    before = len(client.acknowledged)
    for _ in range(600):
        if len(client.acknowledged) > before + 20:
            break
        time.sleep(0.1)
    lost.lose()
    told, acknowledged = len(client.away), len(client.acknowledged)
    for _ in range(1800):
        if len(client.away) > told and len(client.acknowledged) > acknowledged + 20:
            break
        time.sleep(0.1)
    else:
        raise AssertionError("nothing was acknowledged after the primary was lost")
    lost.start()
    two.leader()


async def everything_is_there(url: str, client: Client) -> None:
    """Every acknowledged record stands once in a journal that is whole."""
    connection = await asyncpg.connect(url, target_session_attrs="primary")
    try:
        await journal_is_whole(connection, len(client.acknowledged))
    finally:
        await connection.close()
