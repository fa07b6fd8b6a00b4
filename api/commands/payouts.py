"""`suanbu payout`: the payout job (免申即享), once or as a loop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections import Counter as Tally
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import prometheus_client
import structlog
import typer
from rich.console import Console

from api.commands.common import DEFAULT_DATA, UNUSABLE, Data, Json, KeyFile, with_database
from api.commands.hand import Asked
from api.commands.statements import reconcile, statement

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from settlement.payout.gateways import Worker
    from settlement.payout.job_settings import JobSettings

PAYOUT = typer.Typer(no_args_is_help=True, help="the payout job (免申即享) and the bank's statements")
PAYOUT.command("statement")(statement)
PAYOUT.command("reconcile")(reconcile)
CONSOLE = Console(highlight=False)
LOG = structlog.get_logger("suanbu")
BECAME = prometheus_client.Counter("suanbu_payout_job_total", "What became of payments in this job", ("status",))
PASSES = prometheus_client.Counter("suanbu_payout_job_passes_total", "Passes of this job, by how they ended", ("end",))
LAST = prometheus_client.Gauge("suanbu_payout_job_last_pass_seconds", "When the last pass ended, in Unix time")
Say = Callable[[str], None]


@PAYOUT.command("run")
def payout_run(  # noqa: PLR0913 - the options of a command line are arguments
    settings: Annotated[Path | None, typer.Option(help="a TOML file: gateway, worker, limit, every_seconds")] = None,
    exchange_folder: Annotated[
        Path | None, typer.Option("--exchange", help="folder with a JSON file a payment, for an outside job")
    ] = None,
    batch_folder: Annotated[Path | None, typer.Option("--batch", help="folder with files of many payments")] = None,
    encoding: Annotated[str | None, typer.Option(help="of batch files: utf-8 or gb18030")] = None,
    bank_url: Annotated[str | None, typer.Option("--bank", help="address of a bank that answers over HTTPS")] = None,
    worker: Annotated[str | None, typer.Option(help="the name of this worker [default: payout-job]")] = None,
    limit: Annotated[int | None, typer.Option(min=1, max=1000, help="instructions a pass [default: 100]")] = None,
    every: Annotated[int | None, typer.Option(min=1, help="go on, a pass every so many seconds")] = None,
    once: Annotated[bool, typer.Option("--once", help="one pass, whatever the settings say")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print what would be paid, and do nothing")] = False,
    metrics_port: Annotated[int | None, typer.Option(help="show metrics on this port")] = None,
    metrics_host: Annotated[str, typer.Option(help="the address to show them on")] = "127.0.0.1",
    key_file: KeyFile = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Pay what two people released through a bank; safe to stop and run again at any moment, and several at once."""
    from settlement.payout.job_settings import SettingsRefused, read_settings, settings_of

    given: dict[str, Any] = {}
    if bank_url is not None:
        given = {"gateway": "http", "http": {"url": bank_url}}
    elif batch_folder is not None:
        given = {"gateway": "batch", "batch": {"folder": str(batch_folder), "encoding": encoding or "utf-8"}}
    elif settings is None:
        given = {"gateway": "exchange", "exchange": {"folder": str(exchange_folder or "bank")}}
    chosen = [one for one in (settings, exchange_folder, batch_folder, bank_url) if one is not None]
    if len(chosen) > 1:
        raise typer.BadParameter("name one of --settings, --exchange, --batch and --bank")
    if encoding is not None and batch_folder is None:
        raise typer.BadParameter("--encoding goes with --batch")
    more = {"worker": worker, "limit": limit, "every_seconds": every, "metrics_port": metrics_port}
    try:
        told = read_settings(settings, more) if settings is not None else settings_of(given | _stated(more))
    except SettingsRefused as refused:
        raise typer.BadParameter(str(refused)) from None
    if dry_run:
        with_database(data, lambda engine: _show_what_waits(engine, told, as_json))
        return
    if told.metrics_port is not None and not once:
        try:
            prometheus_client.start_http_server(told.metrics_port, addr=metrics_host)
        except OSError as error:
            print(f"suanbu: port {told.metrics_port} cannot be used: {error}", file=sys.stderr)
            raise typer.Exit(UNUSABLE) from None
    with_database(
        data,
        lambda engine: _run(engine, told, once=once, say=_printed(as_json), as_json=as_json),
        Asked("payout:run", key_file),
    )


def _stated(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _printed(as_json: bool) -> Callable[[dict[str, Any]], None]:
    def show(one: dict[str, Any]) -> None:
        text = f"{one['reference']}  {one['status']}  {one['amount_fen']} fen"
        print(json.dumps(one, ensure_ascii=False, default=str) if as_json else text, flush=True)

    return show


async def _run(
    engine: AsyncEngine, told: JobSettings, *, once: bool, say: Callable[[dict[str, Any]], None], as_json: bool
) -> None:
    """Make one pass, or one after another until the process is asked to end; a pass that has begun is finished."""
    from rich.progress import Progress, SpinnerColumn, TextColumn

    from api.clock import now
    from meter.database.scope import who_acts
    from settlement.payout.gateways import Worker

    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    worker = Worker(told.worker, told.limit, who_acts(), now)
    looping = told.every_seconds is not None and not once
    total: Tally[str] = Tally()
    bar = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), console=CONSOLE, transient=True,
        disable=as_json or not CONSOLE.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("支付", total=None)
        while True:
            changed = await _one_pass(engine, told, worker, reraise=not looping)
            for one in changed or ():
                say(one)
                total[str(one["status"])] += 1
            bar.update(task, description="支付  " + "  ".join(f"{name} {count}" for name, count in total.items()))
            if not looping or stopping.is_set():
                break
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), told.every_seconds)
            if stopping.is_set():
                break
    if not as_json:
        await _close(engine, told, total)


async def _one_pass(
    engine: AsyncEngine, told: JobSettings, worker: Worker, *, reraise: bool
) -> list[dict[str, Any]] | None:
    """Make a pass, with its metrics; None where the database or the folder is away and the loop tries again."""
    from meter.database.errors import JournalUnavailable, reaching_database

    try:
        async with reaching_database():
            changed = await told.gateway.one_pass(engine, worker)
    except (JournalUnavailable, OSError) as error:
        PASSES.labels("failed").inc()
        if reraise:
            raise
        LOG.warning("a pass failed and will be tried again", error=str(error))
        return None
    PASSES.labels("done").inc()
    LAST.set_to_current_time()
    for one in changed:
        BECAME.labels(str(one["status"]).partition(":")[0]).inc()
    return changed


async def _close(engine: AsyncEngine, told: JobSettings, total: Tally[str]) -> None:
    """Say what people have to look at."""
    from settlement.payout.answers import ASIDE

    aside = sum(count for status, count in total.items() if "set aside" in status)
    if aside:
        print(f"{aside} answers were set aside, see the folder in/{ASIDE} and the console's page of payments")
    if not total:
        print("nothing to hand over, no answers")
    if told.needs_release:
        await _say_unreleased(engine)


async def _say_unreleased(engine: AsyncEngine) -> None:
    from meter.database.connect import driver
    from settlement.store.payout_runs import not_released

    async with engine.connect() as held:
        payments, fen = await not_released(await driver(held))
    if payments:
        print(f"{payments} payments, {fen} fen, wait for their release")


async def _show_what_waits(engine: AsyncEngine, told: JobSettings, as_json: bool) -> None:
    """Print what the job would pay now, each with its masked account, and what it would not."""
    from meter.database.connect import driver
    from settlement.store.instructions import masked_account
    from settlement.store.payout_runs import awaiting_payment

    async with engine.connect() as held:
        rows = await awaiting_payment(await driver(held), told.limit, released=told.needs_release)
    for row in rows:
        one = {
            "reference": row["reference"], "name": row["name"], "amount_fen": row["amount_fen"],
            "account_masked": masked_account(row["account"], row["uscc"]),
            "would": "send" if row["first_sent_at"] is None else "ask",
        }  # fmt: skip
        print(json.dumps(one, ensure_ascii=False) if as_json else "  ".join(str(value) for value in one.values()))
    if not as_json:
        print(f"{len(rows)} payments, {sum(row['amount_fen'] for row in rows)} fen; nothing was done")
        if told.needs_release:
            await _say_unreleased(engine)
