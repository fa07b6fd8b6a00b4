"""The job that runs a settlement: reads inputs as of one batch, computes, writes the result in one transaction."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg
import polars as pl
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.journal.chain import digest_of
from meter.rollup.store import driver
from settlement.inputs import COLUMNS, Inputs
from settlement.load import inputs_as_of
from settlement.readings import read_order, read_readings
from settlement.refused import Refused
from settlement.rounds import Round, load_rounds
from settlement.run import Settlement, excluded_of, line_dict, settle
from settlement.steps import steps_of
from settlement.version import code_version

NUMBERING_LOCK = 0x5AB4  # whoever gives a settlement its number


@dataclass(frozen=True)
class Request:
    """What is to be settled: a round, an order, readings, and as of which batch (None: everything recorded)."""

    round: str
    order: Mapping[str, Any] = field(default_factory=dict)
    readings: Mapping[str, Any] = field(default_factory=dict)
    as_of: int | None = None
    matches: list[dict[str, Any]] = field(default_factory=list)
    applications: list[dict[str, Any]] = field(default_factory=list)


def round_called(name: str) -> Round:
    """A known round. Raises Refused UNKNOWN_ROUND."""
    found = load_rounds().get(name)
    if found is None:
        raise Refused("UNKNOWN_ROUND", f"there is no round {name!r}; there are {', '.join(sorted(load_rounds()))}")
    return found


async def compute(
    engine: AsyncEngine, request: Request, *, algorithm: str, adjusts: str | None
) -> tuple[Settlement, dict[str, Any], int]:
    """The settlement, its receipt and the batch it is as of. Raises Refused. Reads one snapshot, writes nothing."""
    of_round = round_called(request.round)
    order = read_order(request.order, of_round)
    read_readings(request.readings, order, of_round)  # refused before anything is loaded
    async with engine.connect() as held:
        connection = await driver(held)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            head = await connection.fetchrow(
                "select batch, algorithm || ':' || encode(digest, 'hex') as digest from batch "
                "where $1::bigint is null or batch <= $1 order by batch desc limit 1",
                request.as_of,
            )
            as_of = head["batch"] if head else 0
            if request.as_of is not None and request.as_of != as_of:
                raise Refused("UNKNOWN_BATCH", f"there is no batch {request.as_of} yet; the last is {as_of}")
            settled = await _settled(connection, adjusts) if adjusts else None
            inputs = await inputs_as_of(
                connection, as_of, settled=settled, applications=request.applications, matches=request.matches
            )
    result = await asyncio.to_thread(settle, inputs, of_round, request.order, request.readings, algorithm=algorithm)
    receipt = {
        "as_of": as_of,
        "journal_digest": head["digest"] if head else None,
        "inputs": await asyncio.to_thread(input_digests, inputs, algorithm),
        "round_sha256": of_round.sha256,
        "code": code_version(),
        "adjusts": adjusts,
        "output": result.digest,
    }
    return result, receipt, as_of


def input_digests(inputs: Inputs, algorithm: str) -> dict[str, str]:
    """A digest of each input, over its rows as CSV."""
    found = {}
    for name in COLUMNS:
        table: pl.DataFrame = getattr(inputs, name)
        found[name] = digest_of(algorithm, table.write_csv().encode())
    for name in ("applications", "matches"):
        text = json.dumps(getattr(inputs, name), sort_keys=True, ensure_ascii=False, default=str)
        found[name] = digest_of(algorithm, text.encode())
    return found


async def run(
    engine: AsyncEngine, request: Request, *, actor: str, algorithm: str, moment: datetime
) -> tuple[str, bool]:
    """Compute and store a settlement; its id, and whether it is new.

    The same request over the same facts by the same code is one settlement, however often it is run.
    """
    async with engine.connect() as held:
        adjusts = await last_locked(await driver(held), request.round)
    result, receipt, as_of = await compute(engine, request, algorithm=algorithm, adjusts=adjusts)
    lines = await asyncio.to_thread(_rendered, result)
    fingerprint = hashlib.sha256(
        json.dumps(
            [receipt, result.order.as_dict(), result.readings.as_dict(), request.matches, request.applications],
            sort_keys=True, default=str,
        ).encode()
    ).digest()  # fmt: skip
    async with engine.connect() as held:
        connection = await driver(held)
        async with connection.transaction():
            await connection.execute(f"select pg_advisory_xact_lock({NUMBERING_LOCK})")
            known = await connection.fetchval(
                "select id from settlement where fingerprint = $1 and status <> 'cancelled'", fingerprint
            )
            if known is not None:
                return str(known), False
            count = await connection.fetchval("select count(*) from settlement where round = $1", request.round)
            number = f"{request.round}-{count + 1:04d}"
            await connection.execute(
                """insert into settlement (id, round, status, as_of, payment_order, readings, matches, totals, receipt,
                   digest, fingerprint, adjusts, run_by, created_at)
                   values ($1, $2, 'computed', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)""",
                number, request.round, as_of, _json(result.order.as_dict()), _json(result.readings.as_dict()),
                _json([match.as_dict() for match in result.matches]), _json(result.totals), _json(receipt),
                result.digest, fingerprint, adjusts, actor, moment,
            )  # fmt: skip
            await connection.copy_records_to_table(
                "settlement_line",
                records=[(number, *line) for line in lines],
                columns=[
                    "settlement", "uscc", "name", "region", "outcome", "award_fen", "held_fen", "payable_fen",
                    "adjustment_fen", "line", "working",
                ],
            )  # fmt: skip
            await connection.execute(
                "insert into settlement_event (settlement, event, actor, at, detail) values ($1, 'run', $2, $3, $4)",
                number, actor, moment, _json({"digest": result.digest}),
            )  # fmt: skip
    return number, True


async def last_locked(connection: asyncpg.Connection, of_round: str) -> str | None:
    """The newest locked settlement of a round, on which whatever comes next stands."""
    found = await connection.fetchval(
        """select id from settlement s where round = $1 and status in ('locked', 'paid') and not exists
           (select from settlement n where n.adjusts = s.id and n.status in ('locked', 'paid'))""",
        of_round,
    )
    return None if found is None else str(found)


async def _settled(connection: asyncpg.Connection, settlement: str) -> dict[str, int]:
    rows = await connection.fetch("select uscc, payable_fen from settlement_line where settlement = $1", settlement)
    return {row["uscc"]: row["payable_fen"] for row in rows}


def _rendered(result: Settlement) -> list[tuple[Any, ...]]:
    """The lines as they are stored: what is filtered by, the contract's line, its steps and its excluded use."""
    rendered = []
    for row in result.lines.iter_rows(named=True):
        line = line_dict(result, row)
        working = {"steps": steps_of(result, row["uscc"]), "excluded": excluded_of(result, row["uscc"])}
        outcome = "payable" if line["payable_fen"] else "held" if line["held_fen"] else "nothing"
        rendered.append(
            (
                line["uscc"], line["name"] or "", line["region"], outcome, line["award_fen"], line["held_fen"],
                line["payable_fen"], line.get("adjustment_fen"), _json(line), _json(working),
            )
        )  # fmt: skip
    return rendered


async def verify(engine: AsyncEngine, settlement: str, *, algorithm: str) -> dict[str, Any]:
    """Recompute a settlement from the records and compare it with what is stored, byte for byte and line by line."""
    async with engine.connect() as held:
        connection = await driver(held)
        row = await connection.fetchrow("select * from settlement where id = $1", settlement)
        if row is None:
            raise Refused("UNKNOWN_SETTLEMENT", f"there is no settlement {settlement!r}")
        stored = await connection.fetch("select uscc, line from settlement_line where settlement = $1", settlement)
    receipt = row["receipt"]
    request = Request(
        row["round"], row["payment_order"], row["readings"], row["as_of"],
        [match.get("match", match) for match in row["matches"]],
    )  # fmt: skip
    used = str(row["digest"]).partition(":")[0]
    result, again, _ = await compute(engine, request, algorithm=used or algorithm, adjusts=row["adjusts"])
    fresh = {line["uscc"]: line_dict(result, line) for line in result.lines.iter_rows(named=True)}
    kept = {line["uscc"]: line["line"] for line in stored}
    different = sorted(code for code in fresh.keys() | kept.keys() if _plain(fresh.get(code)) != _plain(kept.get(code)))
    inputs = sorted(name for name in receipt["inputs"] if receipt["inputs"][name] != again["inputs"].get(name))
    return {
        "settlement": settlement,
        "equal": result.digest == row["digest"] and not different,
        "digest": row["digest"],
        "recomputed_digest": result.digest,
        "lines": len(kept),
        "different_lines": different[:100],
        "different_inputs": inputs,
        "journal_digest_equal": receipt["journal_digest"] == again["journal_digest"],
        "code": {"then": receipt["code"], "now": again["code"]},
    }


def _plain(line: Any) -> Any:
    return json.loads(_json(line)) if line is not None else None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
