"""The running service of one worker process: everything is wired here and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from api.auth.keys import KeyRing
from api.auth.passwords import Hashing
from api.clock import now
from api.gauges import Gauges
from api.http import metrics
from api.http.admission import LargeBodies
from api.process import traces
from api.process.loop_thread import in_thread
from api.queue.bell import Bell
from api.queue.jobs import Jobs
from api.settings import Settings
from meter.database.background_tasks import end, pause
from meter.database.connect import driver, service_engine
from meter.database.errors import JournalUnavailable, reaching_database
from meter.database.known_database import KnownDatabase
from meter.database.pulse import pulse
from meter.database.scope import Scope, act_as
from meter.intake.warm_up import warm_up as warm_up_intake
from meter.journal.keys.known_keys import KnownKeys
from meter.journal.rows.decode import measured_of
from meter.journal.warm_up import warm_up as warm_up_journal
from meter.journal.write.recorder import LANES, Recorder
from meter.journal.write.transaction import read_head
from meter.registry.queries import registered_as_of
from meter.rollup.recent import Recent
from meter.rollup.store import advance

ROLLUP_PAUSE_SECONDS = 0.5  # fresh within a second; a longer pause makes fewer rows
ROLLUP_BLOCK_SECONDS = 0.2  # from the end of one block to the next while records keep coming, for the same reason
GAUGES_PAUSE_SECONDS = 5.0
SURVEY_PAUSE_SECONDS = 60.0
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
    gauges: Gauges


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
                Gauges((engine, door), settings.data),
            )
            async with pulse(settings.database_url, known), bell.ringing(), _kept_up(service):
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
    recorder = Recorder(engine, registered_as_of, settings.algorithm, now, keys, _committed, recent.keep)
    try:
        async with recorder.running():
            yield recorder
    finally:
        await engine.dispose()


def _committed(seconds: float) -> None:
    metrics.COMMIT_SECONDS.observe(seconds)
    traces.span_of_the_last(seconds, "transaction of the journal")


@contextlib.asynccontextmanager
async def _kept_up(service: Service) -> AsyncIterator[None]:
    """Have rollup and gauges follow the journal for as long as the block lasts."""
    stopping = asyncio.Event()
    tasks = [
        asyncio.create_task(_repeated(_roll_up, service, ROLLUP_PAUSE_SECONDS, stopping), name="rollup"),
        asyncio.create_task(_repeated(_gauge, service, GAUGES_PAUSE_SECONDS, stopping), name="gauges"),
        asyncio.create_task(_repeated(_survey, service, SURVEY_PAUSE_SECONDS, stopping), name="survey"),
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
        await service.recorder.know(head.registry_batch)
        if service.gauges.reads_for_all():
            await service.gauges.show_state(connection, head, now())
    service.gauges.show_process()


async def _survey(service: Service, _: asyncio.Event) -> None:
    if not service.gauges.reads_for_all():
        return
    async with reaching_database(), service.engine.connect() as held:
        await service.gauges.show_survey(await driver(held), now())
