"""`suanbu jobs`: processes for jobs on a machine of their own, and what is in the queue."""

from __future__ import annotations

import json
import os
import signal
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.common import DEFAULT_DATA, Data, Json, with_database

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from api.queue.job import Job

APP = typer.Typer(no_args_is_help=True, help="jobs: work that takes long")


@APP.command("work")
def work(
    processes: Annotated[int, typer.Option("--job-workers", min=1, max=64, help="processes")] = 2,
    data: Data = DEFAULT_DATA,
) -> None:
    """Work on jobs until told to stop, beside a service that runs elsewhere on the same database."""
    from api.process.job_processes import job_processes
    from api.settings import Settings
    from meter.database.connect import database_urls
    from meter.database.seal import ensure_seal
    from meter.journal.digest_chain import SM3

    stopping = threading.Event()
    _stop_on_signals(stopping)
    ensure_seal(data)
    with database_urls(data) as urls:
        Settings(urls.service, os.environ.get("SUANBU_DIGEST", SM3), 1, data.resolve()).to_environment()
        with job_processes(processes) as ready:
            while not stopping.is_set() and ready() < processes:
                stopping.wait(0.1)
            if not stopping.is_set():
                print(f"suanbu works on jobs with {processes} processes", flush=True)
            stopping.wait()


def _stop_on_signals(stopping: threading.Event) -> None:
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: stopping.set())


@APP.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="how many")] = 20,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """List the newest jobs: what they are, who asked, how far they are."""
    from api.queue import store
    from meter.database.connect import driver

    async def read(engine: AsyncEngine) -> list[Job]:
        async with engine.connect() as held:
            return await store.list_jobs(await driver(held), limit=limit)

    for job in with_database(data, read):
        said = {
            "id": job.id, "kind": job.kind, "state": job.state, "stage": job.stage, "done": job.done,
            "total": job.total, "asked_by": job.asked.actor, "asked_at": job.asked_at.isoformat(),
            "error": job.error["code"] if job.error else None,
        }  # fmt: skip
        if as_json:
            print(json.dumps(said, ensure_ascii=False))
        else:
            far = f" {job.done}/{job.total} {job.stage}" if job.state == "running" and job.total else ""
            why = f" {job.error['code']}" if job.error else ""
            print(f"{job.id}  {job.kind}  {job.state}{far}{why}  {job.asked.actor}  {job.asked_at:%Y-%m-%d %H:%M:%S}")
