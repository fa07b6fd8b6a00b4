"""One bug planted in a copy, and what the tests that it names say of it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from tests.planted.bugs import Bug
from tests.planted.scratch import changed

LONGEST_SECONDS = 900
FAILED = re.compile(r"^FAILED (\S+)", re.MULTILINE)
BROKEN = re.compile(r"^ERROR (\S+)", re.MULTILINE)
QUIETLY = ("-x", "-q", "-n0", "--no-header", "--tb=short", "--show-capture=no", "-p", "no:cacheprovider")
WITHOUT_COMPILING = ("tests/worlds", "tests/settlement/test_")
"""Tests that are as good of plain Python as of compiled kernels, and in one process."""


@dataclass(frozen=True)
class Verdict:
    """What became of a bug: caught by a test, survived, or so wrong that no test could begin."""

    bug: Bug
    word: str
    by: str
    seconds: float
    said: str

    def as_json(self) -> dict[str, object]:
        """The verdict as it is reported."""
        return {
            "stage": self.bug.stage, "name": self.bug.name, "file": self.bug.file, "verdict": self.word,
            "by": self.by, "seconds": round(self.seconds, 1),
        }  # fmt: skip


class Runner:
    """Runs tests in trees: a process that has imported the libraries, and forks for each."""

    def __init__(self, postgres: str) -> None:
        environment = {**os.environ, "SUANBU_TEST_POSTGRES": postgres}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("zygote.py"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True,
        )  # fmt: skip

    def close(self) -> None:
        """Let the process end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def run(self, tree: Path, tests: tuple[str, ...], *, plain: bool = False) -> tuple[int, str]:
        """Run tests in a tree up to the first that fails; status (below 0: they did not end) and output."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        output = tree.parent / "output"
        task = {"tree": str(tree), "arguments": [*QUIETLY, *tests], "output": str(output), "plain": plain}
        print(json.dumps(task), file=self._process.stdin, flush=True)
        child = int(self._process.stdout.readline())
        watch = threading.Timer(LONGEST_SECONDS, _end, [child])
        watch.start()
        status = int(self._process.stdout.readline())
        watch.cancel()
        return status, output.read_text(errors="replace")


def _end(child: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)


def tried(base: Path, bug: Bug, runner: Runner) -> Verdict:
    """Plant one bug and run its tests up to the first that fails."""
    text = bug.planted((base / bug.file).read_text(encoding="utf-8"))
    plain = bug.file.startswith("settlement/") and all(test.startswith(WITHOUT_COMPILING) for test in bug.tests)
    with changed(base, bug.file, text) as tree:
        began = time.monotonic()
        status, said = runner.run(tree, bug.tests, plain=plain)
        spent = time.monotonic() - began
    failed, broken = FAILED.search(said), BROKEN.search(said)
    if status == 0:
        return Verdict(bug, "survived", "", spent, said[-2000:])
    if failed:
        return Verdict(bug, "caught", failed[1], spent, "")
    if status < 0:
        return Verdict(bug, "endless", "", spent, said[-2000:])  # on a busy machine that says nothing of the bug
    return Verdict(bug, "broken", broken[1] if broken else "", spent, said[-3000:])
