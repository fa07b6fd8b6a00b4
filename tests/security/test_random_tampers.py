"""Random tampers over every table and column that the catalogue lists: each is found, with its table and its key.

Every column is changed once, in every table a row is inserted and one deleted, and then by chance, SUANBU_TAMPERS in
all (`make tampers`: 2,000). What decides nothing is left out, as settlement/checkpoint/covered.py says with reasons.
"""

from __future__ import annotations

import os
import time

from settlement.checkpoint.covered import COVERED, By
from tests.security.chance import Chance
from tests.security.conftest import Busy
from tests.security.tampering import Owner, Tamper

SEED = 20261130
TAMPERS = int(os.environ.get("SUANBU_TAMPERS", "0"))
AT_ONCE = 4 if TAMPERS else 8  # rows of different tables that are changed before one verification


async def test_every_random_tamper_is_found_and_located(busy: Busy) -> None:
    owner = await Owner.of(busy.url, busy.made.checkpoint, busy.made.marks)
    chance = Chance(owner.connection, owner.shapes, SEED)
    await chance.prepare()
    wanted = [("change", table, column) for table, column in chance.columns()]
    wanted += [(kind, table, "") for table in chance.tables for kind in ("insert", "delete")]
    wanted = [one for one in wanted if one not in _NOT_TRIED]
    while len(wanted) < TAMPERS:
        wanted.append(chance.random.choice(wanted))
    began, missed, made = time.monotonic(), [], 0
    for portion in chance.portions(wanted, AT_ONCE):
        tampers: list[Tamper] = []
        for kind, table, column in portion:
            tamper = await (chance.change(table, column) if kind == "change" else getattr(chance, kind)(table))
            assert tamper is not None, f"tests/support/busy.py leaves no row in {table}"
            tampers.append(tamper)
        found = await owner.found_after_all(tampers)
        made += len(tampers)
        for tamper in tampers:
            if not tamper.located(found):  # beside others it may have been taken for part of another one
                found = await owner.found_after(tamper.do)
            if not tamper.located(found):
                said = [f"{one.where}: {one.what}" for one in found if one.kind != "schema"][:6]
                missed.append((tamper.kind, tamper.table, tamper.column, tamper.keys, said))
    await owner.connection.close()
    print(f"{made} tampers, seed {SEED}, {len(missed)} missed, {time.monotonic() - began:.0f} s")
    assert not missed, f"{len(missed)} of {made} missed: {missed[:5]}"
    assert {one[1] for one in wanted} == {t for t, said in COVERED.items() if said.by is not By.NOTHING}


_NOT_TRIED = {
    ("delete", "adopted", ""), ("insert", "alembic_version", ""),
}  # fmt: skip
