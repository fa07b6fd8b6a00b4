"""A session on a Spark cluster for one rollup (needs `suanbu[spark]` and Java 17)."""

from __future__ import annotations

import os
import sys

import polars as pl

from meter.rollup.spark import roll_up_on_spark


def rolled_up_at(master: str, paths: list[str], as_of: int) -> pl.DataFrame:
    """The `use` frame of sealed files as the cluster at `master` computes it. Raises ImportError without pyspark."""
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
        return roll_up_on_spark(session, paths, as_of)
    finally:
        session.stop()
