"""A job process: one worker in a process of its own, its kernels warm."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import uvloop

from api.jobs.working import working
from api.process import traces
from api.process.job_processes import CHILD, READY
from api.process.logs import write_logs
from api.process.memory import give_back_large_blocks
from api.process.warm_up import warm_up
from api.settings import Settings

THREADS = 8
STOP_SECONDS = 5.0


class _Counting(ThreadPoolExecutor):
    """Threads that know whether one of them is at work: a computation cannot be stopped, but its process can."""

    def __init__(self) -> None:
        super().__init__(THREADS, thread_name_prefix="job")
        self.busy = 0

    def submit(self, *given: Any, **named: Any) -> Future[Any]:
        """Count it while it runs."""
        self.busy += 1
        made = super().submit(*given, **named)
        made.add_done_callback(lambda _: self._over())
        return made

    def _over(self) -> None:
        self.busy -= 1


def main(lanes: Sequence[str] | None = None) -> None:
    """Work on the jobs of these lanes (those of the arguments) until told to stop."""
    if os.environ.get(CHILD):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal it is meant for the parent, which ends us
    write_logs()
    traces.begin("suanbu-jobs")
    give_back_large_blocks()
    settings = Settings.from_environment()
    warm_up()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_work(settings, lanes or sys.argv[1:]))
    os._exit(0)  # a thread that still computes is not waited for: its job was handed back


async def _work(settings: Settings, lanes: Sequence[str]) -> None:
    loop = asyncio.get_running_loop()
    threads = _Counting()
    loop.set_default_executor(threads)
    stopping = asyncio.Event()
    for one in (signal.SIGTERM, *(() if os.environ.get(CHILD) else (signal.SIGINT,))):
        loop.add_signal_handler(one, stopping.set)

    def let_go(stuck: bool) -> None:
        if stuck or threads.busy:  # what cannot be stopped ends with its process, and another one is started
            os._exit(0)

    async with working(settings, f"{socket.gethostname()}:{os.getpid()}", [lanes], let_go=let_go):
        if folder := os.environ.get(READY):
            (Path(folder) / str(os.getpid())).touch()
        await stopping.wait()
        loop.call_later(STOP_SECONDS, os._exit, 0)  # the database may be gone already
    await asyncio.to_thread(traces.end)
