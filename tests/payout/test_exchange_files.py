"""The files that are exchanged with the bank hold whole accounts: they are their owner's alone, whatever the mask."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from api.clock import now
from meter.database.scope import PROVINCE, acting
from settlement.payout.bank_files import exchange
from tests.support.postgres import Cluster
from tests.support.province import locked, people_of, populate
from tests.support.serving import in_process


@pytest.mark.parametrize("mask", [0o022, 0])
async def test_a_file_for_the_bank_is_its_owners_alone(cluster: Cluster, tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        async with cluster.database() as url, in_process(url) as door:
            await populate(door)
            await locked(await people_of(door))
            with acting(PROVINCE):
                done = await exchange(door.commands, tmp_path, worker="w", limit=100, actor="command line", clock=now)
    finally:
        os.umask(before)
    files = sorted((tmp_path / "out").iterdir())
    assert len(files) == len(done) == 6
    contents = [json.loads(file.read_text()) for file in files]
    assert all(set(one) == {"reference", "uscc", "amount_fen", "account"} and one["account"] for one in contents)
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
