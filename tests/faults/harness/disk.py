"""A disk of its own that can be filled, or lose its power: what was not synced by then is gone.

It is an ext4 in a file, mounted through a loop device. Losing power is ext4's own `shutdown` without a flush of its
journal: from that moment nothing more reaches the disk, and what was only in the cache never will. That needs root and
loop devices; `reason_against` says where they are missing. The disk's own cache is not part of this: a disk that says
it has written what it has not is found by no test here.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.debian import program

SHUTDOWN = (2 << 30) | (4 << 16) | (ord("X") << 8) | 125  # EXT4_IOC_SHUTDOWN
WITHOUT_FLUSH = struct.pack("I", 2)
LEAST_LEFT_BYTES = 4096


def reason_against() -> str | None:
    """Why there can be no such disk here; None where there can."""
    if os.geteuid() != 0:
        return "mounting a disk needs root"
    if not Path("/dev/loop-control").exists():
        return "there are no loop devices"
    return None


@dataclass
class Disk:
    """A mounted disk."""

    image: Path
    place: Path

    def mount(self) -> None:
        """Mount it; ext4 recovers from its journal."""
        _run("mount", "-o", "loop", str(self.image), str(self.place))

    def unmount(self) -> None:
        """Unmount it, as soon as those who had it open have ended."""
        for _ in range(200):
            if subprocess.run(["umount", str(self.place)], capture_output=True, check=False).returncode == 0:
                return
            time.sleep(0.05)
        _run("umount", "-l", str(self.place))

    def lose_power(self) -> None:
        """From now on nothing reaches the disk any more."""
        handle = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, SHUTDOWN, WITHOUT_FLUSH)
        finally:
            os.close(handle)

    def sync(self) -> None:
        """See to it that everything so far is on the disk."""
        _run("sync", "-f", str(self.place))

    def fill(self) -> Path:
        """Take all that is left; the file to remove for having it back."""
        ballast = self.place / "ballast"
        with ballast.open("wb") as file:
            size = 0
            for step in (1 << 24, 1 << 20, LEAST_LEFT_BYTES):
                with contextlib.suppress(OSError):
                    while True:
                        os.posix_fallocate(file.fileno(), size, step)
                        size += step
        assert self.left() < 2 * LEAST_LEFT_BYTES, "there is room"
        return ballast

    def left(self) -> int:
        """How many bytes are left."""
        found = os.statvfs(self.place)
        return found.f_bavail * found.f_frsize


@contextlib.contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[Disk]:
    """A fresh disk, mounted below a folder."""
    mkfs = program("mkfs.ext4", "e2fsprogs")
    made = Disk(folder / "disk.image", folder / "disk")
    made.place.mkdir()
    with made.image.open("wb") as file:
        file.truncate(megabytes << 20)
    _run(str(mkfs), "-q", "-F", "-m", "0", str(made.image))
    made.mount()
    made.place.chmod(0o755)
    try:
        yield made
    finally:
        made.unmount()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
