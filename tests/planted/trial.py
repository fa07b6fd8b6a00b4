"""One bug planted in a copy, and what the tests that it names say of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.planted.bugs import Bug
from tests.planted.scratch import changed

LONGEST_SECONDS = 900
FAILED = re.compile(r"^FAILED (\S+)", re.MULTILINE)
BROKEN = re.compile(r"^ERROR (\S+)", re.MULTILINE)


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


def tried(base: Path, bug: Bug, postgres: str | None) -> Verdict:
    """Plant one bug and run its tests up to the first that fails."""
    text = bug.planted((base / bug.file).read_text(encoding="utf-8"))
    with changed(base, bug.file, text) as tree:
        began = time.monotonic()
        status, said = run_tests(tree, bug.tests, postgres)
        spent = time.monotonic() - began
    failed, broken = FAILED.search(said), BROKEN.search(said)
    if status == 0:
        return Verdict(bug, "survived", "", spent, said[-2000:])
    if failed:
        return Verdict(bug, "caught", failed[1], spent, "")
    if status < 0:
        return Verdict(bug, "caught", "did not end", spent, "")
    return Verdict(bug, "broken", broken[1] if broken else "", spent, said[-3000:])


def run_tests(tree: Path, tests: tuple[str, ...], postgres: str | None) -> tuple[int, str]:
    """Run tests in a tree, one after the other, up to the first failure; status (-1: they did not end) and output."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n0", "--no-header", "--tb=short", "--show-capture=no",
               "-p", "no:cacheprovider", "-p", "no:randomly", *tests]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    if postgres:
        environment["SUANBU_TEST_POSTGRES"] = postgres
    running = subprocess.Popen(
        command, cwd=tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        said, _ = running.communicate(timeout=LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        return -1, ""
    return running.returncode, said.decode(errors="replace")
