"""What a batch of the registry changes is found by what it is about, whatever the planner knows of the tables."""

from __future__ import annotations

import asyncpg

from tests.support.api_client import ApiClient, good
from tests.support.records import entity, uscc

COUNT = 4_000
READ = """select pg_stat_get_xact_tuples_returned('entity_fact_pkey'::regclass) +
          pg_stat_get_xact_tuples_returned('entity_fact'::regclass)"""


async def test_new_entities_are_not_looked_for_among_all_others(app: ApiClient) -> None:
    registrar = await app.registrar()
    for first in (0, COUNT):
        items = [entity(uscc(number)) for number in range(first, first + COUNT)]
        assert good(await registrar.put("/entities", items))["accepted"] == COUNT
    connection = await asyncpg.connect(app.url)
    try:
        last = await connection.fetchval("select max(batch) from entity_fact")
        async with connection.transaction():
            assert await connection.fetch("select * from registry_changes($1, 'entities')", last) == []
            assert await connection.fetchval(READ) <= 4 * COUNT
        renamed = good(await registrar.put("/entities", [entity(uscc(3), name="改名后的单位")]))["batch"]
        (change,) = await connection.fetch("select * from registry_changes($1, 'entities')", renamed)
    finally:
        await connection.close()
    assert change["subject"] == uscc(3)
    assert "改名后的单位" in change["became"]
    assert "改名后的单位" not in change["was"]
