"""Several worker processes: started again when one ends, given up on when none of them can start at all."""

from __future__ import annotations

import os
import sys
from multiprocessing.connection import wait
from pathlib import Path
from socket import socket

from uvicorn.config import Config
from uvicorn.supervisors.multiprocess import Multiprocess, Process

FOLDER = "SUANBU_WORKERS_FOLDER"
LOOK_SECONDS = 0.5  # how soon a signal is heeded, and one that hangs is noticed
FAILURES_MAX = 3  # for each worker, one after another, while none can answer


def say_ready() -> None:
    """Leave (in a worker) a mark for the parent that this process has come as far as answering requests."""
    folder = os.environ.get(FOLDER)
    if folder:
        _mark(Path(folder), os.getpid()).touch()


def _mark(folder: Path, pid: int) -> Path:
    return folder / f"ready-{pid}"


class Workers(Multiprocess):
    """The parent process."""

    def __init__(self, config: Config, sockets: list[socket], folder: Path) -> None:
        super().__init__(config, sockets)
        self.failed = False
        self._folder = folder
        self._failures = 0

    def run(self) -> None:
        """Start the workers and look after them until told to stop; one that ends is noticed at once."""
        self.init_processes()
        while not self.should_exit.is_set():
            wait([one.process.sentinel for one in self.processes], LOOK_SECONDS)
            self.handle_signals()
            self.keep_subprocess_alive()
        self.terminate_all()
        self.join_all()

    def keep_subprocess_alive(self) -> None:
        """Put another process in the place of each that has ended; stop when starting is no use."""
        for place, process in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if process.is_alive(timeout=self.config.timeout_worker_healthcheck):
                continue
            process.kill()  # one that hangs
            process.join()
            answered = self._has_answered(process)
            if self._is_no_use(answered):
                self.failed = True
                self.should_exit.set()
                return
            if not answered:  # what ended it is hardly over already
                self.should_exit.wait(LOOK_SECONDS)
            self.processes[place] = Process(self.config, self.sockets)
            self.processes[place].start()

    def _has_answered(self, ended: Process) -> bool:
        """Return whether a process that has ended ever came as far as answering, and take its mark away."""
        assert ended.pid is not None
        mark = _mark(self._folder, ended.pid)
        answered = mark.exists()
        mark.unlink(missing_ok=True)
        return answered

    def _is_no_use(self, answered: bool) -> bool:
        """Return whether to give up, a process having ended: it and all before it, time after time, without ever
        answering.
        """
        if answered:
            self._failures = 0
            return False
        if any(_mark(self._folder, one.pid).exists() for one in self.processes if one.pid is not None):
            return False  # another one answers: going on is better than nothing
        self._failures += 1
        if self._failures < FAILURES_MAX * self.processes_num:
            return False
        print(
            f"suanbu gives up: {self._failures} worker processes, one after another, ended before they could answer; "
            "the reason stands above",
            file=sys.stderr,
            flush=True,
        )
        return True
