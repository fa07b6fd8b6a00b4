"""The database itself refuses rows of usage that name a consumer, facility, chip or source that there is not."""

from __future__ import annotations

import asyncpg
import pytest

from meter.database.roles import SERVICE_ROLE
from tests.support.api_client import KeyClient
from tests.support.records import usage, void

ROW = (
    "select batch, 500 + n, gen_random_uuid(), source, consumer, facility, chip, millicards, started_at, ended_at, "
    "charge_fen, purpose, via_platform, action, corrects, order_digest, evidence_digest from entry, "
    "generate_series(1, 3) n where action = 0"
)
UNKNOWN = {
    "consumer": "(select max(id) + 1 from party)",
    "facility": "(select max(id) + 1 from facility)",
    "chip": "(select max(id) + 1 from chip)",
    "source": "(select max(id) + 1 from source)",
    "consumer ": "0",
    "facility ": "-1",
}


@pytest.mark.parametrize(("column", "number"), UNKNOWN.items(), ids=UNKNOWN.keys())
async def test_a_row_that_names_what_there_is_not_is_refused(
    owner: asyncpg.Connection, platform: KeyClient, column: str, number: str
) -> None:
    await platform.push(usage("known"))
    before = await owner.fetchval("select count(*) from entry")
    one_of_them = f"case when n = 2 then {number} else {column.strip()} end"
    rows = ROW.replace(f" {column.strip()},", f" {one_of_them},", 1)
    await owner.execute(f"set role {SERVICE_ROLE}")
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="that there is not"):
        await owner.execute(f"insert into entry {rows}")
    await owner.execute(
        f"insert into entry {ROW.replace('batch,', 'batch + 1000,', 1)}"
    )  # not recorded yet, so not closed
    assert await owner.fetchval("select count(*) from entry") > before


async def test_a_void_names_nothing_and_is_taken(platform: KeyClient) -> None:
    receipt = await platform.push(usage("kept"), void("its-void", "kept"))
    assert (receipt["accepted"], receipt["refused"]) == (2, 0)


async def test_what_is_taken_back_names_what_there_is(owner: asyncpg.Connection, platform: KeyClient) -> None:
    await platform.push(usage("whose"))
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await owner.execute(
            "insert into reversal select gen_random_uuid(), batch, ordinal, 999999, facility, chip, millicards, "
            "started_at, ended_at, charge_fen, purpose, via_platform from entry limit 1"
        )
