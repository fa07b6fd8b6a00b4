"""The processes of others, as the kernel lists them: whose child does what."""

from __future__ import annotations

import time
from pathlib import Path


def children(pid: int, mark: bytes = b"") -> list[int]:
    """The children of a process whose command line has a mark; of one that has ended, none."""
    found = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                if mark in command_line(int(child)):
                    found.append(int(child))
    except FileNotFoundError:
        return []
    return found


def command_line(pid: int) -> bytes:
    """What a process was started as."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def wait_until_gone(pids: list[int], within_seconds: float = 30) -> list[int]:
    """Which of the processes are still there when the time is over."""
    deadline = time.monotonic() + within_seconds
    left = pids
    while left and time.monotonic() < deadline:
        time.sleep(0.01)
        left = [pid for pid in left if command_line(pid)]
    return left
