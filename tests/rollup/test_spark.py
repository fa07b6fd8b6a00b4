"""A real cluster, a master and two workers on loopback, finds the same to the last unit as one process."""

import importlib.util
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meter.archive.chunks import files_needed
from meter.archive.manifest import read_manifest
from meter.archive.seal import seal
from meter.rollup.daily import roll_up
from meter.rollup.spark import roll_up_on_spark
from tests.archive.year import journal

pytestmark = pytest.mark.spark  # the cluster engine is an extra: `make test-spark` installs it and runs these

ROWS = journal(seed=21, batches=80)
STARTS_WITHIN_SECONDS = 60
PROJECT = Path(__file__).resolve().parents[2]


def start(folder: Path, name: str, *arguments: str) -> tuple[subprocess.Popen[bytes], Path]:
    """Start a daemon of Spark from the installed package; return it and its log."""
    home = Path(str(importlib.util.find_spec("pyspark").origin)).parent  # type: ignore[union-attr]  # the extra is there where these run
    log = folder / f"{name}.log"
    environment = {
        **os.environ,
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(PROJECT),
        "NUMBA_NUM_THREADS": "1",
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(home / "bin" / "spark-class"), *arguments], stdout=out, stderr=out, env=environment, cwd=folder
        )
    return process, log


def wait_for(log: Path, pattern: str) -> str:
    """Return what the first group of the pattern matches in a log, once it is there."""
    ends = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < ends:
        if found := re.search(pattern, log.read_text(errors="replace")):
            return found.group(1)
        time.sleep(0.1)
    raise AssertionError(f"{log.name} never said {pattern}:\n{log.read_text(errors='replace')[-2000:]}")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start a master and two workers, connect to them, and stop all of it afterwards."""
    from pyspark.sql import SparkSession

    folder = tmp_path_factory.mktemp("cluster")
    running = []
    try:
        master, log = start(
            folder, "master", "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", "0",
            "--webui-port", "0",
        )  # fmt: skip
        running.append(master)
        url = wait_for(log, r"Starting Spark master at (spark://\S+)")
        for name in ("one", "two"):
            worker, log = start(
                folder, name, "org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1", "--webui-port", "0",
                "--cores", "1", "--memory", "1g", "--work-dir", str(folder / name), url,
            )  # fmt: skip
            running.append(worker)
            wait_for(log, r"(Successfully registered with master)")
        os.environ["PYSPARK_PYTHON"] = sys.executable
        builder = (
            SparkSession.builder.master(url)
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.ui.enabled", "false")
            .config("spark.executor.memory", "700m")
            .config("spark.sql.shuffle.partitions", "4")
        )
        session = builder.getOrCreate()
        yield session
        session.stop()
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an archive of two sealings."""
    folder = tmp_path_factory.mktemp("archive")
    seal([ROWS[ROWS["batch"] <= 50]], folder, 50, file_rows=500)
    seal([ROWS[ROWS["batch"] > 50]], folder, 80, file_rows=500)
    return folder


def paths(archive: Path) -> list[str]:
    """Return the files of an archive."""
    return [str(archive / file.name) for file in files_needed(read_manifest(archive))]


def test_both_workers_take_part(session: Any) -> None:
    hosts = session.sparkContext.parallelize(range(64), 16).map(lambda _: os.getppid()).distinct().collect()
    assert len(hosts) >= 2


def test_the_rollup_of_a_cluster_is_that_of_one_process(session: Any, archive: Path) -> None:
    assert roll_up_on_spark(session, paths(archive), buckets=7).equals(roll_up(ROWS))
    as_of = roll_up_on_spark(session, paths(archive), as_of=33, buckets=3)
    assert as_of.equals(roll_up(ROWS[ROWS["batch"] <= 33]))
