"""A real Prometheus scrapes a real service: every query of every dashboard has data, and every rule can be computed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import yaml

from meter.database.embedded_host import free_port
from meter.days import SHANGHAI
from tests.deploy.test_alerts import FOLDER, rules
from tests.deploy.test_dashboard import QUERIES
from tests.support.api_client import ApiClient, good
from tests.support.debian import program
from tests.support.postgres import Cluster
from tests.support.province import decide, locked, people_of, populate, run, use
from tests.support.records import usage, uscc
from tests.support.serving import Served, over_http

OFTEN = "import api.service; api.service.GAUGES_PAUSE_SECONDS = api.service.SURVEY_PAUSE_SECONDS = 0.5"
PATIENCE_SECONDS = 90
RATE = "30s"  # over which rates are taken here


@contextlib.asynccontextmanager
async def prometheus(folder: Path, target: str, key: str, probe_port: int) -> AsyncIterator[httpx.AsyncClient]:
    """Prometheus with our configuration, but for the targets, the key and how often it looks."""
    made: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    made["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    made["rule_files"] = [str(FOLDER / name) for name in made["rule_files"]]
    service, probe = made["scrape_configs"]
    service["static_configs"] = [{"targets": [target]}]
    service["authorization"] = {"credentials": key}
    probe["static_configs"] = [{"targets": [f"127.0.0.1:{probe_port}"]}]
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(made), encoding="utf-8")
    port = free_port()
    binary = program("prometheus", "prometheus")
    words = [
        str(binary), f"--config.file={file}", f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with (folder / "prometheus.log").open("w") as log:
        running = subprocess.Popen(words, stdout=log, stderr=log)  # noqa: ASYNC220 -- it starts at once
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield client
    finally:
        running.terminate()
        running.wait(20)


@contextlib.asynccontextmanager
async def probed(door: ApiClient, folder: Path) -> AsyncIterator[int]:
    """The probe as its unit runs it, only more often; the port of its metrics."""
    file = folder / "probe.key"
    file.touch(0o600)
    file.write_text((await door.holder("registry:write")).key, encoding="utf-8")
    probe = [sys.executable, "-m", "api", "probe", "--url", str(door.client.base_url), "--key-file", str(file)]
    done = await asyncio.to_thread(subprocess.run, (*probe, "--register"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    file.write_text((await door.holder("usage:write", "usage:read", source="suanbu-probe")).key, encoding="utf-8")
    port = free_port()
    running = await asyncio.create_subprocess_exec(*probe, "--every", "2", "--metrics-port", str(port))
    try:
        yield port
    finally:
        running.terminate()
        assert await running.wait() == 0, "told to stop, it stops"


async def live_a_little(door: ApiClient) -> None:
    """Everything that a dashboard shows has happened at least once."""
    platform = await populate(door)
    people = await people_of(door)
    await locked(people)
    await use(platform, {uscc(998): 50_000}, hour=9)  # nobody has registered it, so it is held
    await platform.push(usage("refused", facility="nowhere"))
    assert (await door.client.get("/v1/settlements")).status_code == 401
    form = {"name": "nobody", "password": "not this one"}
    await door.client.post("/console/login", data=form, headers={"Origin": str(door.client.base_url)})
    yesterday = (datetime.now(SHANGHAI) - timedelta(1)).date().isoformat()
    await platform.put("/control-totals", [{"day": yesterday, "records": 1, "charge_fen": 1}])
    later = await run(people.clerk)
    await decide(people.clerk, later["id"], "submit")
    good(await people.clerk.get(f"/settlements/{later['id']}/verify"))


async def asked(client: httpx.AsyncClient, expression: str) -> list[dict[str, Any]]:
    """What a query gives now; nothing while Prometheus is starting."""
    with contextlib.suppress(httpx.TransportError):
        answer = await client.get("/api/v1/query", params={"query": expression})
        if answer.status_code != 503:
            found = json.loads(answer.text)
            assert found["status"] == "success", f"{expression}: {found}"
            return list(found["data"]["result"])
    return []


@pytest_asyncio.fixture
async def door(cluster: Cluster) -> AsyncIterator[ApiClient]:
    """A service over a fresh database, which looks at its own state often."""
    async with cluster.database() as database:
        with Served.on(database, before=OFTEN) as served:
            async with over_http(served.url, database) as opened:
                yield opened


@pytest.mark.timeout(300)
async def test_every_query_of_every_dashboard_has_data(door: ApiClient, tmp_path: Path) -> None:
    await live_a_little(door)
    key = (await door.holder("payout:read")).key
    platform = await door.platform()
    async with (
        probed(door, tmp_path) as probe_port,
        prometheus(tmp_path, door.client.base_url.netloc.decode(), key, probe_port) as client,
    ):
        waiting = {
            (title, expression.replace("$__rate_interval", RATE).replace("$source", ".*"))
            for title, expression in QUERIES
        }
        until = datetime.now(UTC) + timedelta(seconds=PATIENCE_SECONDS)
        while waiting and datetime.now(UTC) < until:
            await platform.push(usage(f"again-{datetime.now(UTC).timestamp()}"))
            await door.client.get("/v1/settlements")
            waiting = {one for one in waiting if not await asked(client, one[1])}
            await asyncio.sleep(1)
        assert waiting == set(), "No data"
        for rule in rules():
            await asked(client, rule["expr"])
        errors = next(expression for title, expression in QUERIES if title == "服务端错误率")
        (found,) = await asked(client, errors.replace("$__rate_interval", RATE))
        assert float(found["value"][1]) == 0, "a healthy service shows 0, not nothing"
