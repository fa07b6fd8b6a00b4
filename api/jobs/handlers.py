"""The code of each kind of job: parameters in, an effect, a result or output out. What it refuses is a Problem."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import asyncpg

from api.actions.decisions import lock
from api.actions.printed_checkpoint import checkpoint_of
from api.actions.runs import refused
from api.clock import now
from api.http.problem import Problem
from api.queue.work import PIECE_BYTES_MAX, Work
from api.queue.worker import Handler
from meter.archive.manifest import BrokenManifest
from meter.archive.verify import BrokenArchive
from meter.audit.store import note
from meter.database.connect import driver
from meter.jobs.recompute import recompute_all
from settlement.errors import SettlementRefused
from settlement.jobs import settle
from settlement.jobs.compare import compared, compared_cases, interval_of
from settlement.jobs.evidence import export
from settlement.jobs.findings import find
from settlement.jobs.report import report_of
from settlement.jobs.verify import verify
from settlement.store.settlements import get_settlement


async def _settle(work: Work) -> None:
    async def end(connection: asyncpg.Connection, number: str) -> None:
        await work.end_within(connection, {"settlement": number})

    await settle.run(
        work.engine, settle.Request(**work.parameters), actor=work.job.asked.actor,
        algorithm=work.settings.algorithm, moment=now(), tell=work.tell, within=end,
    )  # fmt: skip


async def _verify(work: Work) -> dict[str, Any]:
    return await verify(work.engine, work.parameters["settlement"], work.tell)


async def _lock(work: Work) -> None:
    asked = work.parameters

    async def end(connection: asyncpg.Connection) -> None:
        await work.end_within(connection, {"settlement": asked["settlement"]})

    await lock(work.engine, work.job.asked, asked["settlement"], asked["said"], tell=work.tell, within=end)


async def _findings(work: Work) -> None:
    number = work.parameters["settlement"]

    async def end(connection: asyncpg.Connection, counts: Mapping[str, int]) -> None:
        await work.end_within(connection, {"settlement": number, "findings": counts})

    await find(work.engine, number, now(), end)


async def _evidence(work: Work) -> dict[str, int]:
    number = work.parameters["settlement"]
    work.tell(0, None, "bundle")
    with tempfile.TemporaryDirectory(prefix="suanbu-evidence-") as folder:
        path = Path(folder) / f"{number}-evidence.zip"
        async with work.engine.connect() as held:
            await export(await driver(held), number, path)
        await note(work.engine, work.job.asked.actor, "evidence.export", number, "done", {"file": path.name})
        with path.open("rb") as file:
            return await work.give(iter(lambda: file.read(PIECE_BYTES_MAX) or None, None))


async def _recompute(work: Work) -> dict[str, Any]:
    folder = (work.settings.data or Path()) / "archive"
    work.tell(0, None, "rollup")
    try:
        found = await recompute_all(work.engine, folder, progress=work.tell)
    except (BrokenManifest, BrokenArchive) as error:
        raise Problem(409, "archive_broken", str(error)) from None
    return {"equal": found.equal, **asdict(found)}


async def _compare(work: Work) -> dict[str, Any]:
    asked = work.parameters
    if "cases" in asked:
        return {"items": await compared_cases(work.engine, asked["round"], asked["cases"], asked["most"])}
    found = await compared(work.engine, work.parameters)
    return await work.give(_listed(found["items"]))


async def _interval(work: Work) -> dict[str, Any]:
    number = work.parameters["settlement"]
    if "most" in work.parameters:
        return await interval_of(work.engine, number, work.parameters["most"])
    interval = await interval_of(work.engine, number)
    async with work.engine.connect() as held:
        found = await get_settlement(await driver(held), number)
    assert found is not None
    return await work.give(map(_json, [{**found, "interval": interval}]))


async def _report(work: Work) -> dict[str, int]:
    asked = work.parameters
    async with work.engine.connect() as held:
        connection = await driver(held)
        found = await get_settlement(connection, asked["settlement"])
        assert found is not None, "its door has seen it"
        if work.job.asked.city is None:  # it covers all lines, which who is bound to a city does not see
            found["checkpoint"] = await checkpoint_of(work.settings, connection, found)
    return await work.give(await report_of(work.engine, found, asked["kind"], asked["layout"], asked["region"]))


def _listed(items: list[dict[str, Any]]) -> Iterator[bytes]:
    """A whole list as JSON, an item at a time."""
    for place, item in enumerate(items):
        yield (b"," if place else b'{"items":[') + _json(item)
    yield b'],"next":null}'


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _refusing(handler: Handler) -> Handler:
    """The handler with what the settlement refuses as a problem, as every door answers it."""

    async def handle(work: Work) -> Any:
        try:
            return await handler(work)
        except SettlementRefused as error:
            raise refused(error) from None

    return handle


HANDLERS: Final[Mapping[str, Handler]] = {
    "settle": _refusing(_settle),
    "verify": _refusing(_verify),
    "lock": _refusing(_lock),
    "findings": _refusing(_findings),
    "evidence": _refusing(_evidence),
    "recompute": _refusing(_recompute),
    "compare": _refusing(_compare),
    "interval": _refusing(_interval),
    "report": _refusing(_report),
}
