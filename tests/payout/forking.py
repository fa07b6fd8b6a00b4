"""Payout jobs as processes that start at once: forked off one that has imported everything already.

`python -m tests.payout.forking` reads a line of JSON for each job (its arguments, environment and where its errors go),
forks, and answers with the number of the process, which is killed and stopped as any other.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

TOP = Path(__file__).parents[2]
IMPORTED = (
    "api.commands.payouts", "api.commands.common", "api.clock", "asyncpg", "rich.progress", "sqlalchemy.ext.asyncio",
    "meter.database.connect", "meter.database.roles", "meter.database.seal", "migrations.upgrade", "alembic.command",
    "settlement.payout.gateways", "settlement.payout.job_settings",
)  # fmt: skip


class Jobs:
    """The process that jobs are forked from."""

    def __init__(self, database: str, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._started: list[Job] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.payout.forking"], cwd=TOP, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def start(self, settings: Path, name: str, *more: str) -> Job:
        """Start a job of this name."""
        errors = self._folder / f"{name}.errors"
        said = {
            "arguments": ["payout", "run", "--settings", str(settings), "--worker", name, *more],
            "environment": {"DATABASE_URL": self._database}, "errors": str(errors),
        }  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(said) + "\n")
        self._process.stdin.flush()
        job = Job(int(self._process.stdout.readline()), errors)
        self._started.append(job)
        return job

    def close(self) -> None:
        """End it, and every job that a test that failed has left."""
        for job in self._started:
            if not job.over:  # the system gives numbers again: who has been seen to end is never asked for any more
                job.kill()
        self._process.kill()
        self._process.wait()


class Job:
    """A job that runs."""

    def __init__(self, pid: int, errors: Path) -> None:
        self.pid = pid
        self.errors = errors
        self.over = False

    def lives(self) -> bool:
        """Whether the process is there."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            self.over = True
        return not self.over

    def signal(self, number: int) -> None:
        """Send a signal."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self, seconds: float) -> None:
        """Wait until it has ended, so long at most."""
        until = time.monotonic() + seconds
        while self.lives() and time.monotonic() < until:
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill it, and wait until the system has put it away."""
        self.signal(signal.SIGKILL)
        self.wait(10)
        assert not self.lives()


def serve() -> None:
    """Fork a job for each line that is read."""
    for name in IMPORTED:
        import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system puts away who has ended
    print("ready", flush=True)
    for line in sys.stdin:
        said = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(said)
        print(pid, flush=True)


def _become(said: dict[str, object]) -> None:
    """Be the job, in the forked process."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        errors = os.open(str(said["errors"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for here, there in ((nothing, 0), (nothing, 1), (errors, 2)):
            os.dup2(here, there)
        environment, arguments = said["environment"], said["arguments"]
        assert isinstance(environment, dict)
        assert isinstance(arguments, list)
        os.environ.update(environment)
        sys.argv = ["suanbu", *arguments]
        from api.commands import main

        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        os._exit(code)


if __name__ == "__main__":
    serve()
