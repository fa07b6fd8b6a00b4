"""A session on a Spark cluster for one rollup (needs `suanbu[spark]` and Java 17)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

import polars as pl

from meter.rollup.spark import roll_up_on_spark

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOOK_SECONDS = 0.5  # float: a pause, nothing is counted with it


def rolled_up_at(
    master: str, paths: list[str], as_of: int, progress: Callable[[int, int], None] | None = None
) -> pl.DataFrame:
    """Return the `use` frame of sealed files as the cluster at `master` computes it. Raises ImportError without
    pyspark.

    `progress` is called with the tasks done and the tasks known of.
    """
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    session = (
        SparkSession.builder.master(master)
        .appName("suanbu rollup")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .getOrCreate()
    )
    try:
        with _watched(session, progress):
            return roll_up_on_spark(session, paths, as_of)
    finally:
        session.stop()


@contextmanager
def _watched(session: SparkSession, progress: Callable[[int, int], None] | None) -> Iterator[None]:
    """Tell `progress` of the cluster's tasks until the work is over."""
    over = Event()
    tracker = session.sparkContext.statusTracker()

    def watch() -> None:
        while progress is not None and not over.wait(LOOK_SECONDS):
            stages = [
                stage
                for job in tracker.getJobIdsForGroup(None)
                if (known := tracker.getJobInfo(job)) is not None
                for number in known.stageIds
                if (stage := tracker.getStageInfo(number)) is not None
            ]
            progress(sum(stage.numCompletedTasks for stage in stages), sum(stage.numTasks for stage in stages))

    watching = Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()
