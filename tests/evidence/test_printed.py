"""The checkpoint on a locked report can be checked by anybody, and tells that settlement from any other."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from python_calamine import CalamineWorkbook

from tests.support.api_client import ApiClient, good
from tests.support.postgres import Cluster
from tests.support.province import locked, people_of, populate, run
from tests.support.serving import in_process


@pytest_asyncio.fixture
async def door(cluster: Cluster, tmp_path: Path) -> AsyncIterator[ApiClient]:
    """A service that has a data directory, and so a key."""
    async with cluster.database() as url, in_process(url, data=tmp_path) as opened:
        yield opened


async def test_the_checkpoint_on_a_locked_report_is_signed_and_stays_the_same(door: ApiClient, tmp_path: Path) -> None:
    await populate(door)
    people = await people_of(door)
    before = (await run(people.clerk, number="before"))["id"]
    number = (await locked(people))["id"]
    unlocked = good(await people.clerk.get(f"/settlements/{before}/report.json"))
    assert not unlocked["settlement"].get("checkpoint")
    found = good(await people.clerk.get(f"/settlements/{number}/report.json"))["settlement"]["checkpoint"]
    again = good(await people.clerk.get(f"/settlements/{number}/report.json"))["settlement"]["checkpoint"]
    assert found == again
    statement, signature = found["statement"], found["signature"]
    assert statement["settlement"] == number
    assert statement["lines"] == 6
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex((tmp_path / "checkpoint.pub").read_text()))
    text = json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    public.verify(bytes.fromhex(signature["value"]), text)  # raises where it does not fit
    workbook = await people.clerk.get(f"/settlements/{number}/report.xlsx")
    book = CalamineWorkbook.from_filelike(io.BytesIO(workbook.content))
    cells = {str(cell) for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python() for cell in row}
    assert f"Ed25519 {signature['value']}" in cells
    assert f"6 行 {statement['lines_sha256']}" in cells
