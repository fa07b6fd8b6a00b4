"""The dispatch platform's client, run as a process of its own, and the traces it reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[2]
TRACES = TOP / "tests" / "data" / "traces"


def run(*arguments: str) -> str:
    """What the client prints."""
    command = [sys.executable, "-m", "tests.support.dispatch_platform", *arguments]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def build(trace: str, folder: Path, shift_days: int) -> None:
    """Write a trace's registry files and usage into a folder, its times moved by whole days."""
    run("build", str(TRACES / f"{trace}.parquet"), str(folder), "--shift-days", str(shift_days))


def push(folder: Path, url: str, registry_key: str, usage_key: str, approval_key: str | None = None) -> str:
    """Send what was built, 10,000 records a request; the client prints the receipts' sums.

    With a second person's key it has the accounts approved.
    """
    approving = ("--approval-key", approval_key) if approval_key else ()
    return run(
        "push", str(folder), url, "--registry-key", registry_key, "--usage-key", usage_key, "--batch", "10000",
        *approving,
    )  # fmt: skip
