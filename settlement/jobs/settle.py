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

from meter.database.connect import driver
from meter.database.locks import AdvisoryLock
from meter.journal.digest_chain import SM3, digest_of
from settlement.compute.compare import compare, compare_orders
from settlement.compute.interval import interval
from settlement.compute.settle import settle
from settlement.compute.settlement import Settlement
from settlement.compute.shapes import excluded_of, line_dict
from settlement.compute.version import code_version
from settlement.errors import SettlementRefused
from settlement.explain.steps import steps_of
from settlement.inputs.frames import COLUMNS, Inputs
from settlement.inputs.load import inputs_as_of
from settlement.numbers.exact import objects
from settlement.rounds import Round, load_rounds
from settlement.rounds.readings import read_order, read_readings

COMPARISONS_MAX = 16
LINES_AT_ONCE = 10_000
_STORE_LINES = """insert into settlement_line (settlement, uscc, name, region, outcome, award_fen, held_fen,
    payable_fen, adjustment_fen, line, working)
    select $1, uscc, name, region, outcome, award, held, payable, adjustment, line::json, working::json
    from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[],
                $10::text[], $11::text[])
    as l (uscc, name, region, outcome, award, held, payable, adjustment, line, working)"""


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
    """A known round. Raises SettlementRefused UNKNOWN_ROUND."""
    found = load_rounds().get(name)
    if found is None:
        raise SettlementRefused(
            "UNKNOWN_ROUND", f"there is no round {name!r}; there are {', '.join(sorted(load_rounds()))}"
        )
    return found


async def compute(
    engine: AsyncEngine, request: Request, *, algorithm: str, adjusts: str | None
) -> tuple[Settlement, dict[str, Any], int]:
    """The settlement, its receipt and the batch it is as of. Reads one snapshot, writes nothing.

    Raises SettlementRefused.
    """
    of_round = round_called(request.round)
    order = read_order(request.order, of_round)
    # refused before anything is loaded
    read_readings(request.readings, order, of_round)
    objects(request.applications, "APPLICATION_INVALID", "an application")
    objects(request.matches, "MATCH_INVALID", "R-DC")
    inputs, as_of, journal_digest = await _load(engine, request, adjusts)
    result = await asyncio.to_thread(settle, inputs, of_round, request.order, request.readings, algorithm=algorithm)
    receipt = {
        "as_of": as_of,
        "journal_digest": journal_digest,
        "inputs": await asyncio.to_thread(input_digests, inputs, algorithm),
        "round_sha256": of_round.sha256,
        "code": code_version(),
        "adjusts": adjusts,
        "output": result.digest,
    }
    return result, receipt, as_of


async def _load(engine: AsyncEngine, request: Request, adjusts: str | None) -> tuple[Inputs, int, str | None]:
    """The inputs of a request out of one snapshot, the batch they are as of, and that batch's digest."""
    if request.as_of is not None and not 0 <= request.as_of < 2**63:
        raise SettlementRefused("UNKNOWN_BATCH", f"there is no batch {request.as_of}")
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
                raise SettlementRefused("UNKNOWN_BATCH", f"there is no batch {request.as_of} yet; the last is {as_of}")
            settled = await _settled(connection, adjusts) if adjusts else None
            inputs = await inputs_as_of(
                connection, as_of, settled=settled, applications=request.applications, matches=request.matches
            )
    return inputs, as_of, head["digest"] if head else None


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
    round_called(request.round)
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
        async with connection.transaction(isolation="read_committed"):
            await connection.execute(f"select pg_advisory_xact_lock({AdvisoryLock.NUMBERING_SETTLEMENTS})")
            known = await connection.fetchval(
                "select id from settlement where fingerprint = $1 and status <> 'cancelled'", fingerprint
            )
            if known is not None:
                return str(known), False
            count = await connection.fetchval("select count(*) from settlement where round = $1", request.round)
            number = f"{request.round}-{count + 1:04d}"
            await connection.execute(
                """insert into settlement (id, round, status, as_of, payment_order, readings, matches, applications,
                   match_lines, totals, receipt, digest, fingerprint, adjusts, run_by, created_at)
                   values ($1, $2, 'computed', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)""",
                number, request.round, as_of, _json(result.order.as_dict()), _json(result.readings.as_dict()),
                _json(request.matches), _json(request.applications),
                _json([match.as_dict() for match in result.matches]), _json(result.totals), _json(receipt),
                result.digest, fingerprint, adjusts, actor, moment,
            )  # fmt: skip
            # row security, which COPY does not go through, holds for whoever stores lines as well
            for first in range(0, len(lines), LINES_AT_ONCE):
                await connection.execute(_STORE_LINES, number, *zip(*lines[first : first + LINES_AT_ONCE], strict=True))
            await connection.execute(
                """insert into settlement_event (settlement, event, before, after, actor, at, transaction, detail)
                   values ($1, 'run', '', '', $2, $3, 0, $4)""",
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
        working = _working(result, row["uscc"])
        outcome = "payable" if line["payable_fen"] else "held" if line["held_fen"] else "nothing"
        rendered.append(
            (
                line["uscc"], line["name"] or "", line["region"], outcome, line["award_fen"], line["held_fen"],
                line["payable_fen"], line.get("adjustment_fen"), _json(line), _json(working),
            )
        )  # fmt: skip
    return rendered


def _working(result: Settlement, uscc: str) -> dict[str, Any]:
    """How a line came about: its steps, and the use that was left out."""
    return {"steps": steps_of(result, uscc), "excluded": excluded_of(result, uscc)}


async def stored_request(engine: AsyncEngine, settlement: str) -> tuple[Request, Mapping[str, Any]]:
    """What a stored settlement was asked for, and its row. Raises SettlementRefused UNKNOWN_SETTLEMENT."""
    async with engine.connect() as held:
        row = await (await driver(held)).fetchrow("select * from settlement where id = $1", settlement)
    if row is None:
        raise SettlementRefused("UNKNOWN_SETTLEMENT", f"there is no settlement {settlement!r}")
    request = Request(
        row["round"], row["payment_order"], row["readings"], row["as_of"], row["matches"], row["applications"]
    )
    return request, row


async def verify(engine: AsyncEngine, settlement: str) -> dict[str, Any]:
    """Recompute a settlement from the records and compare it with what is stored, byte for byte and line by line.

    Steps are compared too; where other code computed them they may be told in other words, and only say where.
    """
    request, row = await stored_request(engine, settlement)
    receipt = row["receipt"]
    used = str(row["digest"]).partition(":")[0]
    result, again, _ = await compute(engine, request, algorithm=used, adjusts=row["adjusts"])
    kept, different, retold = await _unlike_stored(engine, settlement, result)
    whole = {"totals": result.totals, "match_lines": [match.as_dict() for match in result.matches]}
    different_whole = sorted(name for name, value in whole.items() if _plain(value) != row[name])
    inputs = sorted(name for name in receipt["inputs"] if receipt["inputs"][name] != again["inputs"].get(name))
    same_words = not retold or receipt["code"] != again["code"]
    return {
        "settlement": settlement,
        "equal": result.digest == row["digest"] and not different and not different_whole and same_words,
        "digest": row["digest"],
        "recomputed_digest": result.digest,
        "lines": kept,
        "different_lines": different[:100],
        "different_steps": retold[:100],
        "different_sums": different_whole,
        "different_inputs": inputs,
        "journal_digest_equal": receipt["journal_digest"] == again["journal_digest"],
        "code": {"then": receipt["code"], "now": again["code"]},
    }


async def _unlike_stored(engine: AsyncEngine, settlement: str, result: Settlement) -> tuple[int, list[str], list[str]]:
    """How many lines are stored, and the codes of those whose line, and whose steps, are not what `result` gives."""
    different: list[str] = []
    retold: list[str] = []
    kept: set[str] = set()

    def look(page: list[asyncpg.Record]) -> None:
        for stored in page:
            code = stored["uscc"]
            row = result.line(code)
            if row is None or _plain(line_dict(result, row)) != _plain(stored["line"]):
                different.append(code)
            elif _plain(_working(result, code)) != _plain(stored["working"]):
                retold.append(code)
            kept.add(code)

    last = ""
    async with engine.connect() as held:
        connection = await driver(held)
        while True:
            page = await connection.fetch(
                """select uscc, line, working from settlement_line where settlement = $1 and uscc > $2 collate "C"
                   order by uscc collate "C" limit $3""",
                settlement, last, LINES_AT_ONCE,
            )  # fmt: skip
            await asyncio.to_thread(look, page)
            if len(page) < LINES_AT_ONCE:
                break
            last = page[-1]["uscc"]
    different += set(result.lines["uscc"].to_list()) - kept
    return len(kept), sorted(different), retold


async def interval_of(engine: AsyncEngine, settlement: str) -> dict[str, Any]:
    """The strictest, default and most generous award of every line, and the switches that move it by themselves."""
    request, row = await stored_request(engine, settlement)
    inputs, _, _ = await _load(engine, request, row["adjusts"])
    found = await asyncio.to_thread(interval, inputs, round_called(request.round), request.order, request.readings)
    return {"totals": found.totals, "lines": found.lines.to_dicts()}


async def compared(engine: AsyncEngine, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What-if: settlements `a` and `b`, or a `round` under `orders` and `readings` (each order under each readings).

    Nothing is stored. Each item is a settlement with its difference from the first. Raises SettlementRefused.
    """
    if "a" in wanted or "b" in wanted:
        if set(wanted) != {"a", "b"}:
            raise SettlementRefused("BAD_COMPARISON", "two settlements are named as a and b, and nothing beside them")
        both = []
        for name in (wanted["a"], wanted["b"]):
            request, row = await stored_request(engine, name)
            result, _, _ = await compute(engine, request, algorithm=SM3, adjusts=row["adjusts"])
            both.append(result)
        runs = [(result, compare(both[0], result)) for result in both]
    elif "round" in wanted:
        of_round = round_called(wanted["round"])
        async with engine.connect() as held:  # what-if of what would be settled: a lock stands here as it does there
            adjusts = await last_locked(await driver(held), of_round.id)
        inputs, _, _ = await _load(engine, Request(of_round.id, as_of=wanted.get("as_of")), adjusts)
        orders, readings = wanted.get("orders") or [{}], wanted.get("readings") or [{}]
        if len(orders) * len(readings) > COMPARISONS_MAX or not all(isinstance(x, dict) for x in [*orders, *readings]):
            raise SettlementRefused(
                "BAD_COMPARISON", f"orders and readings are objects, at most {COMPARISONS_MAX} combinations"
            )
        runs = await asyncio.to_thread(compare_orders, inputs, of_round, orders, readings)
    else:
        raise SettlementRefused(
            "BAD_COMPARISON", "name two settlements as a and b, or a round with orders and readings"
        )
    return {
        "items": [
            {
                "round": result.round.id,
                "order": result.order.as_dict(),
                "readings": result.readings.as_dict(),
                "totals": result.totals,
                "digest": result.digest,
                "difference": {
                    "totals": difference.totals,
                    "cities": difference.cities.to_dicts(),
                    "entities": difference.entities.to_dicts(),
                },
            }
            for result, difference in runs
        ],
        "next": None,
    }


def _plain(line: Any) -> Any:
    return json.loads(_json(line)) if line is not None else None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
