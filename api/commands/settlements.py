"""`suanbu settle`, `suanbu verify`, `suanbu findings`: the jobs around a settlement."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console

from api.commands.archive import verify_archive
from api.commands.checkpoint import verify_checkpoint, verify_database
from api.commands.common import DEFAULT_DATA, Data, Json, KeyFile, with_database
from api.commands.hand import Asked

if TYPE_CHECKING:
    from rich.progress import Progress
    from sqlalchemy.ext.asyncio import AsyncEngine

    from settlement.errors import SettlementRefused
    from settlement.jobs.progress import Tell

CONSOLE = Console(highlight=False)
ORDERED = ("rate", "budget_fen")  # what --compare takes as the order's; the rest are readings


def settle(  # noqa: PLR0913 - the options of a command line are arguments
    round: Annotated[str, typer.Argument(help="the round, such as anhui-2026")],
    rate: Annotated[str | None, typer.Option(help="the order's rate, such as 0.20; without it a forecast")] = None,
    budget_fen: Annotated[int | None, typer.Option(help="the budget in fen")] = None,
    as_of: Annotated[int | None, typer.Option(help="the batch up to which records count")] = None,
    uplift: Annotated[bool, typer.Option(help="northern uplift, as the order says")] = False,
    reading: Annotated[list[str] | None, typer.Option(help="a reading: name=value")] = None,
    other_terms: Annotated[
        bool, typer.Option(help="another order or reading than that of the round's locked settlement is meant")
    ] = False,
    compare: Annotated[
        str | None,
        typer.Option(help="do not store; compare with another rate, budget_fen or readings: name=value,..."),
    ] = None,
    key_file: KeyFile = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Run a settlement and store it (or, with --compare, show what would change)."""
    from api.clock import now
    from meter.database.connect import driver
    from meter.database.scope import who_acts
    from meter.journal.digest_chain import SM3
    from settlement.errors import SettlementRefused
    from settlement.jobs.compare import compared
    from settlement.jobs.settle import Request, run
    from settlement.store.settlements import get_settlement

    stated = {"rate": rate, "budget_fen": budget_fen, "uplift": uplift or None}
    order: dict[str, Any] = {name: value for name, value in stated.items() if value is not None}
    readings = dict(_pair(text) for text in reading or [])
    other = dict(_pair(text) for text in (compare or "").split(",") if text)

    async def work(engine: AsyncEngine) -> dict[str, Any]:
        if compare is not None:
            wanted = _comparison(round, order, readings, other)
            return await compared(engine, wanted if as_of is None else {**wanted, "as_of": as_of})
        wanted_run = Request(round, order, readings, as_of, other_terms=other_terms)
        number, _ = await run(engine, wanted_run, actor=who_acts(), algorithm=SM3, moment=now(), tell=tell)
        async with engine.connect() as held:
            found = await get_settlement(await driver(held), number)
        assert found is not None
        return found

    with _bar(as_json) as progress:
        tell = _told(progress, "清算")
        try:
            found = with_database(data, work, Asked("settlement:run", key_file) if compare is None else None)
        except SettlementRefused as error:
            _refuse(error, as_json)
    if as_json or compare is not None:
        print(json.dumps(found, ensure_ascii=False))
    else:
        _print_settlement(found)


def _comparison(
    of_round: str, order: dict[str, Any], readings: dict[str, str], other: dict[str, str]
) -> dict[str, Any]:
    """Return the question what another order, or other readings, would change."""
    changed = {name: value for name, value in other.items() if name in ORDERED}
    switched = {name: value for name, value in other.items() if name not in ORDERED}
    wanted: dict[str, Any] = {"round": of_round, "orders": [order], "readings": [readings]}
    if changed:
        wanted["orders"].append({**order, **{name: _ordered(name, value) for name, value in changed.items()}})
    if switched:
        wanted["readings"].append({**readings, **switched})
    return wanted


def _print_settlement(found: dict[str, Any]) -> None:
    totals = found["totals"]
    print(f"{found['id']}  as of batch {found['as_of']}  {found['digest']}")
    print("  ".join(f"{name}={totals[name]}" for name in sorted(totals)))


def verify(
    what: Annotated[str | None, typer.Argument(help="a settlement's id, `journal`, `archive` or `database`")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="a signed checkpoint to compare with")] = None,
    public_key: Annotated[str | None, typer.Option(help="who must have signed it (hex, or name+id+key)")] = None,
    to: Annotated[Path | None, typer.Option("--to", help="the archive's folder [default: DATA/archive]")] = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Recompute a settlement, the journal or the archive, or compare with a checkpoint; exit status 1 if not equal."""
    from meter.database.connect import driver
    from meter.journal.verify.journal import verify_journal
    from meter.registry.proof import facts_of_batches
    from meter.registry.queries import rules_as_of
    from settlement.errors import SettlementRefused
    from settlement.jobs import verify as verify_job

    if what is None and checkpoint is None:
        raise typer.BadParameter("name a settlement, `journal`, `archive`, `database`, or --checkpoint FILE")
    if checkpoint is not None or what in ("database", "archive"):
        equal = (
            verify_checkpoint(checkpoint, data, as_json, public_key)
            if checkpoint is not None
            else verify_database(data, as_json)
            if what == "database"
            else verify_archive(data, to, as_json)
        )
        if not equal:
            raise typer.Exit(1)
        return
    assert what is not None

    async def work(engine: AsyncEngine) -> tuple[bool, dict[str, Any]]:
        if what == "journal":
            async with engine.connect() as held:
                with _bar(as_json) as progress:
                    task = progress.add_task("校验", total=None)
                    report = await verify_journal(
                        await driver(held),
                        lambda done, of: progress.update(task, completed=done, total=of),
                        read_facts=facts_of_batches,
                        read_rules=rules_as_of,
                    )
            return report.equal, report.as_dict()
        with _bar(as_json) as progress:
            found = await verify_job.verify(engine, what, _told(progress, "校验"))
        return bool(found["equal"]), found

    try:
        equal, found = with_database(data, work)
    except SettlementRefused as error:
        _refuse(error, as_json)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        print(f"{what}: {'equal' if equal else 'NOT EQUAL'}")
        for name, value in found.items():
            print(f"  {name}: {value}")
    if not equal:
        raise typer.Exit(1)


def findings(settlement: str, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Sweep a settlement's records for what its reviewers should look at; prints every finding with its records."""
    from api.clock import now
    from meter.database.connect import driver
    from settlement.errors import SettlementRefused
    from settlement.jobs.findings import find
    from settlement.store.findings import list_findings

    async def work(engine: AsyncEngine) -> list[dict[str, Any]]:
        await find(engine, settlement, now())
        async with engine.connect() as held:
            return await list_findings(await driver(held), settlement, limit=2**31 - 1)

    try:
        found = with_database(data, work)
    except SettlementRefused as error:
        _refuse(error, as_json)
    for one in found:
        print(
            json.dumps(one, ensure_ascii=False)
            if as_json
            else f"{one['kind']}  {one['facility'] or '-'}  {one['consumer'] or ' '.join(one['parties']) or '-'}  "
            f"found {one['found']}, expected {one['expected']}  {len(one['records'])} records"
        )
    if not found and not as_json:
        print("nothing found")


def _bar(as_json: bool) -> Progress:
    from rich.progress import Progress

    return Progress(console=CONSOLE, transient=True, disable=as_json or not CONSOLE.is_terminal)


def _told(progress: Progress, what: str) -> Tell:
    """Draw a bar of what a job tells of itself."""
    from api.console.wording.jobs import STAGE

    task = progress.add_task(what, total=None)

    def tell(done: int, total: int | None = None, stage: str = "") -> None:
        progress.update(task, completed=done, total=total, description=f"{what} {STAGE.get(stage, stage)}")

    return tell


def _refuse(error: SettlementRefused, as_json: bool) -> NoReturn:
    print(json.dumps({"refused": error.code, "detail": error.detail}, ensure_ascii=False) if as_json else str(error))
    raise typer.Exit(1)


def _ordered(name: str, text: str) -> object:
    """Return a field of an order as the order has it; what is no whole number is left for the order to refuse."""
    return int(text) if name == "budget_fen" and text.isascii() and text.isdigit() and len(text) < 20 else text


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is not name=value")
    return name.strip(), value.strip()
