"""How much memory the service's processes hold: those who receive usage, and those who do jobs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process of the service, as the system tells of it."""

    pid: int

    def mb(self, name: str) -> float:
        """Return a line of its status (VmRSS now, VmHWM at its peak) in megabytes; 0 where it has ended."""
        with contextlib.suppress(OSError, StopIteration):
            lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
            return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024
        return 0.0


class Watch:
    """From here on, how far above what it held any process of the service goes."""

    def __init__(self, pid: int) -> None:
        self._idle = {one: one.mb("VmRSS") for one in processes(pid)}
        for one in self._idle:
            with contextlib.suppress(OSError):
                Path(f"/proc/{one.pid}/clear_refs").write_text("5")

    def over_idle_mb(self) -> float:
        """Return the most that one process held above what it held before."""
        return max(one.mb("VmHWM") - idle for one, idle in self._idle.items())

    def peak_mb(self) -> float:
        """Return the most that one process held."""
        return max(one.mb("VmHWM") for one in self._idle)


def processes(pid: int) -> list[Process]:
    """Return a process and all that came from it, but for the database's."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                if b"postgres" not in folder.joinpath("cmdline").read_bytes():
                    fields = folder.joinpath("stat").read_text().rsplit(")", 1)[1].split()
                    parents[int(folder.name)] = int(fields[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return [Process(one) for one in found]
