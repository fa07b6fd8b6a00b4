"""What operators watch of the database's state: every few seconds what is cheap, every minute what is not."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import asyncpg
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from api.http import metrics
from api.process.one_of_workers import OneOfWorkers
from api.queue import store as jobs
from api.queue.kinds import KINDS
from meter.days import SHANGHAI
from meter.journal.queries import last_recorded_at, waiting_by_code
from meter.journal.write.transaction import Head
from meter.registry.reconcile import reconcile
from meter.rollup.store import rolled_up_to
from settlement.store import counts
from settlement.store.records import last_checkpoint_at
from settlement.vocabulary import CLAWBACK_STATUSES, PAYOUT_REFUSALS, PAYOUT_STATUSES, STATUSES

GAP_DAYS = 10  # past local days on which a gap to the platform's own totals is watched
_GAPS_MOST = 1_000
Labelled = dict[tuple[str, ...], float]  # by the labels of a gauge


class Gauges:
    """The gauges of one process, which remembers the labels it has shown."""

    def __init__(self, engines: Iterable[AsyncEngine], data: Path | None) -> None:
        self._engines = tuple(engines)
        self._data = data
        self._shown: dict[Gauge, set[tuple[str, ...]]] = {}
        self._one = OneOfWorkers()

    def reads_for_all(self) -> bool:
        """Return whether this process reads what the database says to every worker of the machine alike."""
        return self._one.chosen()

    async def show_state(self, connection: asyncpg.Connection, head: Head, now: datetime) -> None:
        """Show what every dashboard needs within seconds."""
        metrics.JOURNAL_BATCH.set(head.batch)
        metrics.ROLLUP_LAG.set(head.batch - await rolled_up_to(connection))
        received = await last_recorded_at(connection)
        metrics.LAST_BATCH.set(received.timestamp() if received else 0)
        waiting = await waiting_by_code(connection)
        by_code: Labelled = {(row["status"], row["code"]): row["records"] for row in waiting}
        self._show(metrics.QUARANTINED, (), by_code)
        oldest: Labelled = {}
        for row in waiting:
            age = (now - row["since"]).total_seconds()
            oldest[row["status"],] = max(age, oldest.get((row["status"],), 0))
        self._show(metrics.QUARANTINE_OLDEST, (), oldest)
        self._show(metrics.SETTLEMENTS, STATUSES, _one(await counts.settlements_by_status(connection)))
        payouts = await counts.payouts_by_status(connection)
        self._show(metrics.PAYOUTS, PAYOUT_STATUSES, {(status,): count for status, (count, _) in payouts.items()})
        self._show(metrics.PAYOUT_FEN, PAYOUT_STATUSES, {(status,): fen for status, (_, fen) in payouts.items()})
        self._show(metrics.PAYOUT_REFUSALS, PAYOUT_REFUSALS, _one(await counts.payout_refusals_by_code(connection)))
        metrics.PAYOUTS_WITHOUT_ACCOUNT.set(await counts.payouts_without_account(connection))
        await self._show_jobs(connection)
        self._show(metrics.CLAWBACKS, CLAWBACK_STATUSES, _one(await counts.clawbacks_by_status(connection)))

    async def _show_jobs(self, connection: asyncpg.Connection) -> None:
        """Show how jobs stand, as the database counts them: whichever process or machine did them."""
        found, waited = await jobs.open_by_kind(connection)
        metrics.JOB_OLDEST_SECONDS.set(waited)
        for kind in KINDS:
            for state in ("queued", "running"):
                metrics.JOBS.labels(kind, state).set(found.get((kind, state), 0))
        for kind, state, ended, waited_seconds, worked_seconds in await jobs.tally(connection):
            metrics.JOBS_ENDED.labels(kind, state).set(ended)
            metrics.JOB_WAITED_SECONDS.labels(kind, state).set(waited_seconds)
            metrics.JOB_WORKED_SECONDS.labels(kind, state).set(worked_seconds)

    async def show_survey(self, connection: asyncpg.Connection, now: datetime) -> None:
        """Show what takes longer to find out: held money, reviews, gaps, when the books were last checked."""
        self._show(metrics.HELD_FEN, (), await counts.held_by_reason(connection))
        self._show(metrics.REVIEW_WAITING, (), _one(await counts.reviews_waiting_by_city(connection)))
        unmoved = await counts.payouts_unmoved_since(connection)
        ages: Labelled = {(status,): (now - since).total_seconds() for status, since in unmoved.items()}
        self._show(metrics.PAYOUT_OLDEST, PAYOUT_STATUSES, ages)
        today = now.astimezone(SHANGHAI).date()
        days = await reconcile(connection, today - timedelta(GAP_DAYS), today, "", _GAPS_MOST)
        gaps: Labelled = {(row.source,): 0 for row in days}
        for row in days:
            gaps[row.source,] += row.gap is not None and (row.gap.records != 0 or row.gap.charge_fen != 0)
        self._show(metrics.CONTROL_TOTAL_GAPS, (), gaps)
        checkpoint = await last_checkpoint_at(connection)
        metrics.LAST_CHECKPOINT.set(checkpoint.timestamp() if checkpoint else 0)
        verified = await jobs.last_done(connection, "verify")
        metrics.LAST_VERIFICATION.set(verified.timestamp() if verified else 0)

    def show_process(self) -> None:
        """Show this process's database connections, and what the disk below its data has left."""
        pools = [cast(QueuePool, engine.pool) for engine in self._engines]
        used = sum(pool.checkedout() for pool in pools)
        metrics.POOL.labels("used").set(used)
        metrics.POOL.labels("idle").set(sum(pool.size() for pool in pools) - used)
        if self._data is not None:
            metrics.DISK_FREE.set(shutil.disk_usage(self._data).free)

    def _show(self, gauge: Gauge, known: Iterable[str], found: Mapping[tuple[str, ...], float]) -> None:
        """Set a gauge for each of its labels: one under which nothing stands any longer falls to 0."""
        shown = self._shown.setdefault(gauge, {(label,) for label in known})
        shown |= found.keys()
        for labels in shown:
            gauge.labels(*labels).set(found.get(labels, 0))


def _one(found: Mapping[str, int]) -> Labelled:
    return {(label,): count for label, count in found.items()}
