"""The running service of one worker process: everything is wired here and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import asyncpg
import structlog
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncEngine

from api.auth.keys import KeyRing
from api.auth.passwords import Hashing
from api.clock import now
from api.http import metrics
from api.http.admission import LargeBodies
from api.process.loop_thread import in_thread
from api.queue import store as job_store
from api.queue.bell import Bell
from api.queue.jobs import Jobs
from api.queue.kinds import KINDS
from api.settings import Settings
from meter.database.background_tasks import end, pause
from meter.database.connect import driver, service_engine
from meter.database.errors import JournalUnavailable, reaching_database
from meter.database.known_database import KnownDatabase
from meter.database.scope import Scope, act_as
from meter.intake.warm_up import warm_up as warm_up_intake
from meter.journal.keys.known_keys import KnownKeys
from meter.journal.queries import waiting_by_status
from meter.journal.rows.decode import measured_of
from meter.journal.warm_up import warm_up as warm_up_journal
from meter.journal.write.recorder import LANES, Recorder
from meter.journal.write.transaction import read_head
from meter.registry.queries import registered_as_of
from meter.rollup.recent import Recent
from meter.rollup.store import advance, rolled_up_to
from meter.vocabulary import QUARANTINE_STATUSES
from settlement.store.counts import (
    payout_refusals_by_code,
    payouts_by_status,
    payouts_without_account,
    settlements_by_status,
)
from settlement.vocabulary import PAYOUT_REFUSALS, PAYOUT_STATUSES, STATUSES

ROLLUP_PAUSE_SECONDS = 0.5  # fresh within a second; a longer pause makes fewer rows
ROLLUP_BLOCK_SECONDS = 0.2  # from the end of one block to the next while records keep coming, for the same reason
GAUGES_PAUSE_SECONDS = 5.0
FAILED_PAUSE_SECONDS = 1.0
CONNECTIONS = 6  # for readers and for what goes on in the background
DOOR_CONNECTIONS = 2  # for who may come in: records are taken even while readers wait for each other
RECORDER_CONNECTIONS = 2  # beside its lanes: to follow the journal and to learn of the registry
LOG = structlog.get_logger("suanbu")


@dataclass
class Service:
    """What request handlers use."""

    settings: Settings
    engine: AsyncEngine
    keys: KeyRing
    recorder: Recorder
    recent: Recent
    threads: ThreadPoolExecutor
    large_bodies: LargeBodies
    jobs: Jobs
    hashing: Hashing


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Service]:
    """Run a service from its first connection to its last."""
    for warm_up in (warm_up_intake, warm_up_journal):  # the first record must not wait for a compiler
        await asyncio.to_thread(warm_up)
    known = KnownDatabase()
    engine = service_engine(settings.database_url, CONNECTIONS, known)
    door = service_engine(settings.database_url, DOOR_CONNECTIONS, known)
    # the database needs processors too: its COPY, not the checking, is what everything waits for
    threads = ThreadPoolExecutor(max(1, (os.cpu_count() or 2) // 2), thread_name_prefix="suanbu")
    recent = Recent(measured_of)
    bell = Bell(settings.database_url)
    try:
        async with in_thread("recorder", lambda: _recorder(settings, recent, known)) as recorder:
            service = Service(
                settings,
                engine,
                KeyRing(door, now),
                recorder,
                recent,
                threads,
                LargeBodies(),
                Jobs(engine, bell),
                Hashing(),
            )
            async with bell.ringing(), _kept_up(service):
                yield service
    finally:
        threads.shutdown(wait=True)
        await engine.dispose()
        await door.dispose()


@contextlib.asynccontextmanager
async def _recorder(settings: Settings, recent: Recent, known: KnownDatabase) -> AsyncIterator[Recorder]:
    """Run a recorder with connections of its own."""
    engine = service_engine(settings.database_url, LANES + RECORDER_CONNECTIONS, known)
    folder = settings.data / "keys" if settings.data else None
    keys = KnownKeys.of(folder, settings.database_url)
    recorder = Recorder(
        engine, registered_as_of, settings.algorithm, now, keys, metrics.COMMIT_SECONDS.observe, recent.keep
    )
    try:
        async with recorder.running():
            yield recorder
    finally:
        await engine.dispose()


@contextlib.asynccontextmanager
async def _kept_up(service: Service) -> AsyncIterator[None]:
    """Have rollup and gauges follow the journal for as long as the block lasts."""
    stopping = asyncio.Event()
    tasks = [
        asyncio.create_task(_repeated(_roll_up, service, ROLLUP_PAUSE_SECONDS, stopping), name="rollup"),
        asyncio.create_task(_repeated(_gauge, service, GAUGES_PAUSE_SECONDS, stopping), name="gauges"),
    ]
    try:
        yield
    finally:
        stopping.set()
        await end(tasks)


async def _repeated(
    work: Callable[[Service, asyncio.Event], Awaitable[None]],
    service: Service,
    pause_seconds: float,
    stopping: asyncio.Event,
) -> None:
    """Do the work again and again; a database that is away is logged and tried again."""
    act_as(Scope("*", "service"))
    while not stopping.is_set():
        try:
            await work(service, stopping)
        except JournalUnavailable as error:
            LOG.warning("background work failed and will be tried again", error=str(error))
            await pause(stopping, FAILED_PAUSE_SECONDS)
        except Exception:
            LOG.exception("background work failed and will be tried again")
            await pause(stopping, FAILED_PAUSE_SECONDS)
        await pause(stopping, pause_seconds)


async def _roll_up(service: Service, stopping: asyncio.Event) -> None:
    done = -1
    while not stopping.is_set():
        started = asyncio.get_running_loop().time()
        async with reaching_database():
            reached = await advance(service.engine, service.recent)
        if reached == done:
            return
        if done >= 0:
            metrics.ROLLUP_SECONDS.observe(asyncio.get_running_loop().time() - started)
        done = reached
        await pause(stopping, ROLLUP_BLOCK_SECONDS)


async def _gauge(service: Service, _: asyncio.Event) -> None:
    async with reaching_database(), service.engine.connect() as held:
        connection = await driver(held)
        head = await read_head(connection)
        metrics.JOURNAL_BATCH.set(head.batch)
        metrics.ROLLUP_LAG.set(head.batch - await rolled_up_to(connection))
        await service.recorder.know(head.registry_batch)
        _show(metrics.QUARANTINED, QUARANTINE_STATUSES, await waiting_by_status(connection))
        _show(metrics.SETTLEMENTS, STATUSES, await settlements_by_status(connection))
        payouts = await payouts_by_status(connection)
        _show(metrics.PAYOUTS, PAYOUT_STATUSES, {status: count for status, (count, _) in payouts.items()})
        _show(metrics.PAYOUT_FEN, PAYOUT_STATUSES, {status: fen for status, (_, fen) in payouts.items()})
        refusals = await payout_refusals_by_code(connection)
        _show(metrics.PAYOUT_REFUSALS, {*PAYOUT_REFUSALS, *refusals}, refusals)
        metrics.PAYOUTS_WITHOUT_ACCOUNT.set(await payouts_without_account(connection))
        await _gauge_jobs(connection)


async def _gauge_jobs(connection: asyncpg.Connection) -> None:
    """Show how jobs stand, as the database counts them: whichever process or machine did them."""
    found, waited = await job_store.open_by_kind(connection)
    metrics.JOB_OLDEST_SECONDS.set(waited)
    for kind in KINDS:
        for state in ("queued", "running"):
            metrics.JOBS.labels(kind, state).set(found.get((kind, state), 0))
    for kind, state, jobs, waited_seconds, worked_seconds in await job_store.tally(connection):
        metrics.JOBS_ENDED.labels(kind, state).set(jobs)
        metrics.JOB_WAITED_SECONDS.labels(kind, state).set(waited_seconds)
        metrics.JOB_WORKED_SECONDS.labels(kind, state).set(worked_seconds)


def _show(gauge: Gauge, statuses: Iterable[str], found: Mapping[str, int]) -> None:
    """Set a gauge for every status: one that nothing is in any longer falls to 0."""
    assert found.keys() <= set(statuses)
    for status in statuses:
        gauge.labels(status).set(found.get(status, 0))
