"""The processes in which jobs run, as children of whoever serves: started again when one ends, ended with it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

CHILD: Final = "SUANBU_JOB_CHILD"
READY: Final = "SUANBU_JOBS_FOLDER"
MODULE: Final = "api.jobs.child"
LOOK_SECONDS = 0.2
AGAIN_SECONDS = (0.0, 1.0, 5.0, 30.0)  # after so many that ended, one after another, without ever being ready
END_SECONDS = 8.0


def lanes_of(processes: int) -> list[tuple[str, ...]]:
    """The lanes of each of so many processes: the first is for what is short, the others for both, what is long first.

    A single one takes what is short first; it may find itself behind a settlement.
    """
    if processes == 1:
        return [("short", "long")]
    return [("short",), *[("long", "short")] * (processes - 1)][:processes]


@contextlib.contextmanager
def job_processes(processes: int) -> Iterator[Callable[[], int]]:
    """So many job processes while the block lasts; their settings are in the environment.

    Gives a function that says how many processes ever came as far as taking jobs.
    """
    with tempfile.TemporaryDirectory(prefix="suanbu-jobs-") as folder:
        stopping = threading.Event()
        keepers = [
            threading.Thread(target=_keep, args=(lanes, Path(folder), stopping), name="jobs", daemon=True)
            for lanes in lanes_of(processes)
        ]
        for keeper in keepers:
            keeper.start()
        try:
            yield lambda: len(list(Path(folder).iterdir()))
        finally:
            stopping.set()
            for keeper in keepers:
                keeper.join(2 * END_SECONDS)


def _keep(lanes: Sequence[str], folder: Path, stopping: threading.Event) -> None:
    """Keep one process alive until it is time to stop; then end it."""
    failures = 0
    while not stopping.wait(AGAIN_SECONDS[min(failures, len(AGAIN_SECONDS) - 1)]):
        process = _started(lanes, folder)
        try:
            while process.poll() is None and not stopping.wait(LOOK_SECONDS):
                pass
        finally:
            _end(process)
        failures = 0 if (folder / str(process.pid)).exists() else failures + 1


def _started(lanes: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    top = str(Path(__file__).parents[2])  # the code of this process, wherever it was started from
    path = os.pathsep.join(filter(None, (top, os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, CHILD: str(os.getpid()), READY: str(folder), "PYTHONPATH": path}
    environment.pop("PROMETHEUS_MULTIPROC_DIR", None)  # it measures nothing: the database counts jobs
    command = [sys.executable, "-P", "-m", MODULE, *lanes]
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)  # noqa: S603 - our own module


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    until = time.monotonic() + END_SECONDS
    while process.poll() is None and time.monotonic() < until:
        time.sleep(LOOK_SECONDS / 4)
    if process.poll() is None:
        process.kill()
        process.wait()
