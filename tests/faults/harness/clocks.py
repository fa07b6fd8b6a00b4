"""Wall clocks that jump: one for each process that is started with it, moved by a file while the process runs."""

from __future__ import annotations

import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.debian import program

SOURCE = Path(__file__).with_name("jumping_clock.c")


@dataclass(frozen=True)
class Clock:
    """A clock that some processes read."""

    library: Path
    file: Path

    @classmethod
    def at(cls, folder: Path, name: str) -> Clock:
        """A clock that is right so far; its library is compiled once a folder."""
        library, file = folder / "jumping_clock.so", folder / f"{name}.clock"
        if not library.exists():
            command = (program("gcc", "gcc"), "-shared", "-fPIC", "-fno-builtin", "-o", library, SOURCE)
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
        made = cls(library, file)
        file.touch(mode=0o644)
        made.jump(0)
        return made

    @property
    def environment(self) -> dict[str, str]:
        """What a process is started with to read this clock."""
        return {"LD_PRELOAD": str(self.library), "SUANBU_JUMPING_CLOCK": str(self.file)}

    def jump(self, seconds: int) -> None:
        """Let the clock be so many seconds ahead of the machine's, or behind."""
        with self.file.open("r+b") as opened:
            opened.write(struct.pack("=q", seconds))
