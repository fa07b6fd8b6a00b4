"""Bundles for auditors and the recompute of everything are jobs: asked for over HTTP, and done by a job's process."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import asyncpg
import pytest_asyncio

from tests.support.api_client import ApiClient, good, problem
from tests.support.province import CITIES, populate, run

CHECK = "import sys, zipfile; exec(zipfile.ZipFile(sys.argv[1]).read('check_evidence.py'))"
SEALED = """insert into archive_sealing (serial, first_batch, last_batch, line, digest, sealed_at)
            values (1, 1, 1, '{}', 'sm3:' || repeat('0', 64), now())"""


@pytest_asyncio.fixture(scope="module", autouse=True)
async def _province(app: ApiClient) -> None:
    await populate(app)


async def behind_the_door(app: ApiClient, statement: str) -> str:
    """Run a statement with no trigger in its way; what it says of itself."""
    connection = await asyncpg.connect(app.url)
    try:
        async with connection.transaction():
            await connection.execute("set local session_replication_role = replica")
            return str(await connection.execute(statement))
    finally:
        await connection.close()


async def test_a_bundle_is_downloaded_and_checks_itself(app: ApiClient, tmp_path: Path) -> None:
    clerk = await app.holder("settlement:run", "report:read")
    number = (await run(clerk, number="bundle"))["id"]
    auditor = await app.holder("audit:read")
    assert problem(await clerk.get(f"/settlements/{number}/evidence")) == (403, "scope_missing")
    of_a_city = await app.holder("audit:read", city=CITIES[0])
    assert problem(await of_a_city.get(f"/settlements/{number}/evidence")) == (403, "city_limited")
    assert problem(await auditor.get("/settlements/none/evidence")) == (404, "UNKNOWN_SETTLEMENT")
    answer = await auditor.get(f"/settlements/{number}/evidence")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="{number}-evidence.zip"'
    bundle = tmp_path / "bundle.zip"
    bundle.write_bytes(answer.content)
    checking = await asyncio.create_subprocess_exec(sys.executable, "-c", CHECK, str(bundle))
    assert await checking.wait() == 0
    rows = await auditor.items("/audit")
    said = [row for row in rows if row["action"] == "evidence.export" and row["object"] == number]
    assert [row["actor"] for row in said] == [f"key:{auditor.name}"]


async def test_everything_is_added_up_anew_and_compared(app: ApiClient) -> None:
    reader, platform = await app.holder("report:read"), await app.holder("usage:read")
    assert problem(await platform.get("/usage-totals/verify")) == (403, "scope_missing")
    found = good(await reader.get("/usage-totals/verify"))
    assert (found["equal"], found["first_difference"], found["sealed_rows"]) == (True, None, 0)
    assert found["tail_rows"] > 0
    assert found["digest"] == found["kept_digest"]
    while await behind_the_door(app, "update rollup set charge_fen = charge_fen + 1") == "UPDATE 0":
        pass  # the rollup follows the journal within a second
    found = good(await reader.get("/usage-totals/verify"))
    assert not found["equal"]
    assert found["digest"] != found["kept_digest"]
    assert found["first_difference"]["charge_fen"] + 1 <= found["first_difference"]["charge_fen_kept"]


async def test_an_archive_that_is_not_there_is_said(app: ApiClient) -> None:
    reader = await app.holder("report:read")
    await behind_the_door(app, SEALED)
    assert problem(await reader.get("/usage-totals/verify")) == (409, "archive_broken")
