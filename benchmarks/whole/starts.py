"""How long the service takes to be ready, and a command to say what it takes."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import typer

from api.commands import command_line
from benchmarks.ingest.servers import running

TIMES = 3
PROGRAM = [sys.executable, "-c", "from api.commands import main; main()"]


def ready_seconds(data: Path, database: str, port: int) -> float:
    """Return the median time from starting the service, on a database that runs, to its readiness."""
    taken = []
    for _ in range(TIMES):
        started = time.perf_counter()
        with running([*PROGRAM, "serve", "--port", str(port), "--data", str(data)], port, {"DATABASE_URL": database}):
            taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def command_seconds(database: str) -> dict[str, float]:
    """Return the median time of every command's help, and of `db url` beside a database that runs."""
    return {
        " ".join(words): _median([*PROGRAM, *words], {"DATABASE_URL": database, "SUANBU_READER_URL": database})
        for words in [
            ["db", "url"],
            *([*names, "--help"] for names in _names(typer.main.get_command(command_line(None)))),
        ]
    }


def _names(command: object) -> list[list[str]]:
    """Return the words of a command and of all below it."""
    below = getattr(command, "commands", {})
    return [[], *([name, *rest] for name, one in below.items() for rest in _names(one))]


def _median(command: list[str], environment: dict[str, str]) -> float:
    taken = []
    for _ in range(TIMES):
        started = time.perf_counter()
        subprocess.run(command, env={**os.environ, **environment}, check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - started)
    return round(statistics.median(taken), 2)
