"""A world (docs/contract.md, section 6) settled through the HTTP API instead of in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import groupby
from typing import Any

import asyncpg
import httpx

from settlement.jobs.worlds.expected import compare_expected
from tests.support.api_client import ApiClient, KeyClient, good

REGISTRY = ("entities", "facilities", "chips", "holdings", "expenditures")


async def differences(door: ApiClient, world: Mapping[str, Any]) -> list[str]:
    """Where the service differs from what a world expects, on a database of its own."""
    registrar = await door.registrar()
    for kind in REGISTRY:
        if world.get(kind):
            answer = await registrar.put(f"/{kind}", world[kind])
            if answer.status_code != 200 or answer.json()["refused"]:
                return compare_expected(world["expected"], {"refused": _refused(answer)})
    ingest = await _push(door, world.get("usage") or [])
    if world.get("settled"):
        await _settled_before(door.url, world)
    clerk = await door.holder("settlement:run", "report:read")
    asked = {
        "round": world["round"],
        "order": world.get("order") or {},
        "readings": world.get("readings") or {},
        **{name: world[name] for name in ("applications", "matches") if world.get(name)},
    }
    answer = await post(clerk, "/settlements", asked)
    if answer.status_code != 201:
        return compare_expected(world["expected"], {"refused": answer.json()["code"]})
    settled = answer.json()
    lines = {line["uscc"]: line for line in await every_line(clerk, settled["id"])}
    got = {
        "ingest": ingest,
        "lines": lines,
        "totals": settled["totals"],
        "matches": {match["id"]: match for match in settled["matches"]},
    }
    return compare_expected(world["expected"], got)


async def post(holder: KeyClient, path: str, body: object = None) -> httpx.Response:
    """POST JSON under /v1."""
    headers = {"Authorization": f"Bearer {holder.key}", "Content-Type": "application/json"}
    return await holder.client.post(f"/v1{path}", content=json.dumps(body or {}).encode(), headers=headers)


async def every_line(holder: KeyClient, settlement: str, **filters: object) -> list[dict[str, Any]]:
    """All lines, portion by portion."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = good(await holder.get(f"/settlements/{settlement}/lines", limit=2, cursor=cursor, **filters))
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            return found


async def _push(door: ApiClient, usage: list[dict[str, Any]]) -> dict[str, int]:
    """Records in order of arrival, one delivery for each run of records of one source; the sums of the receipts."""
    sums = dict.fromkeys(("received", "accepted", "duplicate", "conflict", "refused"), 0)
    platforms: dict[str, KeyClient] = {}
    for source, run in groupby(usage, key=lambda record: str(record.get("source", "platform"))):
        if source not in platforms:
            platforms[source] = await door.platform(source)
        records = [{name: value for name, value in record.items() if name != "source"} for record in run]
        receipt = await platforms[source].push(*records)
        for name in sums:
            sums[name] += receipt[name]
    return sums


async def _settled_before(url: str, world: Mapping[str, Any]) -> None:
    """An earlier, locked settlement of the round, as the world says it paid."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("set local session_replication_role = replica")  # no triggers: history, not action
            await connection.execute(
                """insert into settlement (id, round, status, as_of, payment_order, readings, matches, applications,
                   match_lines, totals, receipt, digest, fingerprint, run_by, created_at)
                   values ('earlier', $1, 'locked', 0, '{}', '{}', '[]', '[]', '[]', '{}', '{}', '', ''::bytea, 'test',
                   now())""",
                world["round"],
            )
            for code, line in world["settled"]["lines"].items():
                await connection.execute(
                    """insert into settlement_line (settlement, uscc, name, outcome, award_fen, held_fen, payable_fen,
                       line, working) values ('earlier', $1, '', 'payable', $2, 0, $2, '{}', '{}')""",
                    code, line["payable_fen"],
                )  # fmt: skip
    finally:
        await connection.close()


def _refused(answer: httpx.Response) -> str:
    body = answer.json()
    return str(body["code"] if answer.status_code != 200 else body["results"][0]["code"])
