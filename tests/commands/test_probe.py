"""The probe: its record is in the totals and in no settlement, and it says in which way it did not get there."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from api.probe import DAYS, FIRST_DAY
from meter.database.connect import driver
from meter.database.embedded_host import free_port
from meter.journal.queries import last_recorded_at
from settlement.rounds.loader import load_rounds
from tests.support.api_client import ApiClient
from tests.support.postgres import Cluster
from tests.support.records import usage
from tests.support.serving import Served, over_http


@pytest_asyncio.fixture
async def door(cluster: Cluster) -> AsyncIterator[ApiClient]:
    """A service behind a real port."""
    async with cluster.database() as database:
        with Served.on(database) as served:
            async with over_http(served.url, database) as opened:
                yield opened


async def probe(url: object, key: str, folder: Path, *words: str) -> tuple[int, str]:
    """Run `suanbu probe` with a key; its exit status and what it said."""
    file = folder / "probe.key"
    file.unlink(missing_ok=True)
    file.touch(0o600)
    file.write_text(key, encoding="utf-8")
    command = [sys.executable, "-m", "api", "probe", "--url", str(url), "--key-file", str(file), *words]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=False, env={**os.environ, "DATABASE_URL": ""}
    )
    return done.returncode, done.stdout + done.stderr


async def test_a_record_of_the_probe_is_in_the_totals_costs_nothing_and_is_no_news_of_platforms(
    door: ApiClient, tmp_path: Path
) -> None:
    registrar = await door.register_the_usual()
    key = (await door.holder("usage:write", "usage:read", source="suanbu-probe")).key
    url = door.client.base_url

    status, said = await probe(url, key, tmp_path, "--once", "--json")
    assert (status, json.loads(said)["end"]) == (1, "refused"), "its facility is not registered yet"
    assert "unknown_facility" in said

    for _ in range(2):
        status, said = await probe(url, registrar.key, tmp_path, "--register")
        assert status == 0, said
    async with door.engine.connect() as held:
        assert await last_recorded_at(await driver(held)) is None
    await (platform := await door.platform()).push(usage("of a platform"))
    async with door.engine.connect() as held:
        news = await last_recorded_at(await driver(held))
    assert news is not None

    for _ in range(2):
        status, said = await probe(url, key, tmp_path, "--once", "--json")
        assert (status, json.loads(said)["end"]) == (0, "seen"), said
    (total,) = [one for one in await platform.items("/usage-totals", by="facility") if one["facility"] != "hf-01"]
    assert (total["facility"], total["records"], total["charge_fen"]) == ("suanbu-probe", 2, 0)
    async with door.engine.connect() as held:
        assert await last_recorded_at(await driver(held)) == news, "the probe would hide that platforms fell silent"


async def test_it_says_who_did_not_answer_and_what_was_refused(door: ApiClient, tmp_path: Path) -> None:
    reader = await door.holder("usage:read")
    status, said = await probe(door.client.base_url, reader.key, tmp_path, "--once")
    assert status == 1
    assert said.startswith("refused after ")
    assert reader.key not in said
    status, said = await probe(f"http://127.0.0.1:{free_port()}", reader.key, tmp_path, "--once", "--patience", "1")
    assert status == 1
    assert said.startswith("unreachable after ")
    status, said = await probe("suanbu.example", reader.key, tmp_path, "--once")
    assert status == 2


def test_no_round_looks_at_the_days_of_the_probe() -> None:
    windows = [one.window for one in load_rounds().values()]
    assert windows
    last = (FIRST_DAY.toordinal() - 719_163) + DAYS
    assert all(window[0] > last for window in windows if window is not None)
