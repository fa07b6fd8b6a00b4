"""Measures paying: instructions leased and marked paid a second, by one and four workers, beside the plain way.

python -m benchmarks.payout [--json FILE] [--quick] [--instructions N]

Both pay the same instructions on the same PostgreSQL, in turns. Ours leases twenty at a time, as the payout job does,
and books their answers in one transaction: an event, a row of the audit log and a fence for each step, checked by
triggers. The plain way takes one row at a time with SELECT ... FOR UPDATE SKIP LOCKED through SQLAlchemy, and sets its
status twice; it keeps no trail. No bank is called.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import BigInteger, Column, MetaData, Table, Text, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from benchmarks.scratch import scratch
from meter.database.bootstrap import SUPERUSER
from meter.database.connect import service_engine
from meter.database.embedded import embedded
from meter.database.scope import PROVINCE, act_as
from meter.database.seal import ENVIRONMENT, Seal
from meter.registry.items import account_owner
from migrations.upgrade import upgrade
from settlement.payout.booking import Mark
from settlement.payout.instructions import claim
from settlement.payout.marks import mark_all
from settlement.payout.worker import LOT
from tests.support.records import uscc

WORKERS = (1, 4)
AT_ONCE = LOT
ROUNDS = 5
PLAIN = Table(
    "plain_payout", MetaData(), Column("id", BigInteger, primary_key=True), Column("amount_fen", BigInteger),
    Column("status", Text), Column("bank_reference", Text),
)  # fmt: skip


def main() -> None:
    """Measure and write; print the same JSON."""
    parser = argparse.ArgumentParser(prog="benchmarks.payout", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--instructions", type=int, help="a round")
    asked = parser.parse_args()
    count = asked.instructions or (200 if asked.quick else 1_000)
    os.environ.setdefault(ENVIRONMENT, "5e" * 32)
    with scratch("payout") as folder, embedded(folder) as server:
        found = asyncio.run(measure(server.socket_url(SUPERUSER), count))
    text = json.dumps(found, indent=1)
    if asked.json:
        asked.json.write_text(text)
    print(text)


async def measure(url: str, count: int) -> dict[str, Any]:
    """Measure the rates of both in every round and for each number of workers, their medians and the ratios."""
    await upgrade(url)
    act_as(PROVINCE)
    ours = service_engine(url, max(WORKERS))
    plain = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"), pool_size=max(WORKERS))
    rates: dict[tuple[str, int], list[float]] = {(name, n): [] for name in ("ours", "plain") for n in WORKERS}
    try:
        async with plain.begin() as connection:
            await connection.run_sync(PLAIN.metadata.create_all)
        for turn, workers in enumerate(workers for _ in range(ROUNDS) for workers in WORKERS):
            await _prepare(url, turn, count)
            for name, engine, work in (("ours", ours, _ours), ("plain", plain, _plain)):
                started = time.perf_counter()
                done = await asyncio.gather(*(work(engine, f"w{worker}") for worker in range(workers)))
                assert sum(done) == count, f"{name} paid {done} of {count}"
                rates[name, workers].append(count / (time.perf_counter() - started))
    finally:
        await ours.dispose()
        await plain.dispose()
    medians = {place: statistics.median(values) for place, values in rates.items()}
    ratios = {workers: medians["ours", workers] / medians["plain", workers] for workers in WORKERS}
    return {
        "figures": {
            "payout.vs_plain": round(min(ratios.values()), 3),
            **{f"payout.vs_plain_{workers}": round(ratio, 3) for workers, ratio in ratios.items()},
        },
        "instructions": count,
        "workers": list(WORKERS),
        "rounds": ROUNDS,
        "paid_a_second": {f"{name}, {workers}": round(value, 1) for (name, workers), value in medians.items()},
    }


async def _prepare(url: str, round_number: int, count: int) -> None:
    """Store a locked settlement with so many instructions, written down as its owner could; and as many plain rows."""
    number = f"bench-{round_number}"
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("set local session_replication_role = replica")
            await connection.execute(
                """insert into settlement (id, round, status, as_of, payment_order, readings, matches, applications,
                   match_lines, totals, receipt, digest, fingerprint, run_by, created_at)
                   values ($1, $1, 'locked', 0, '{}', '{}', '[]', '[]', '[]', '{}', '{}', '', $1::text::bytea, 'bench',
                   now())""",
                number,
            )
            codes = [uscc(n) for n in range(count)]
            await connection.execute(
                """insert into settlement_line (settlement, uscc, name, outcome, award_fen, held_fen, payable_fen, line,
                   working) select $1, code, '', 'payable', 100, 0, 100, '{}', '{}' from unnest($2::text[]) code""",
                number, codes,
            )  # fmt: skip
            await connection.execute(
                """insert into payout_instruction (settlement, uscc, amount_fen, offset_fen, reference, issue, status,
                   fence, account, created_at)
                   select $1, code, 100, 0, 'SB-' || $1 || '-' || code, 1, 'ready', 0, account, now()
                   from unnest($2::text[], $3::text[]) u (code, account)""",
                number, codes, [_sealed(code) for code in codes],
            )  # fmt: skip
            await connection.execute("truncate plain_payout")
            await connection.execute(
                "insert into plain_payout (id, amount_fen, status) "
                "select n, 100, 'ready' from generate_series(1, $1::int) n",
                count,
            )
        await connection.execute("vacuum analyze payout_instruction, plain_payout")
    finally:
        await connection.close()


def _sealed(code: str) -> str:
    """Seal an account as the registry does."""
    account = {"bank": "bank", "account": code, "holder": code}
    return Seal.of(bytes.fromhex(os.environ[ENVIRONMENT])).seal(json.dumps(account), account_owner(code))


async def _ours(engine: AsyncEngine, worker: str) -> int:
    done = 0
    while taken := await claim(engine, worker, AT_ONCE, f"command line:{worker}", datetime.now(UTC)):
        marks = [
            Mark(
                one["id"], "paid",
                {"worker": worker, "fence": one["fence"], "bank_reference": f"B-{one['reference']}"[-64:]},
            )
            for one in taken
        ]  # fmt: skip
        booked = await mark_all(engine, marks, actor=f"command line:{worker}", moment=datetime.now(UTC))
        done += sum(isinstance(one, dict) and one["status"] == "paid" for one in booked)
    return done


async def _plain(engine: AsyncEngine, worker: str) -> int:
    done = 0
    while True:
        async with engine.begin() as connection:
            wanted = select(PLAIN.c.id).where(PLAIN.c.status == "ready").limit(1).with_for_update(skip_locked=True)
            number = (await connection.execute(wanted)).scalar()
            if number is None:
                return done
            await connection.execute(update(PLAIN).where(PLAIN.c.id == number).values(status="sent"))
        async with engine.begin() as connection:
            paid = {"status": "paid", "bank_reference": f"{worker}-{number}"}
            await connection.execute(update(PLAIN).where(PLAIN.c.id == number).values(**paid))
        done += 1


if __name__ == "__main__":
    main()
