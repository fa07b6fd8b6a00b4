"""The planted bugs: which text of which file becomes which other, and the tests of which one then fails."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Bug:
    """One change of one file; `old` stands in it exactly once."""

    stage: str
    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def planted(self, text: str) -> str:
        """The text of the file with the bug in it. Raises ValueError where the file is another one by now."""
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file} has the text {text.count(self.old)} times, not once: {self.old[:80]!r}")
        return text.replace(self.old, self.new)


def all_bugs() -> Sequence[Bug]:
    """Every planted bug, in the order of their files."""
    found = []
    for path in sorted(FOLDER.glob("*.toml")):
        for one in tomllib.loads(path.read_text(encoding="utf-8"))["bug"]:
            found.append(Bug(**{**one, "tests": tuple(one["tests"])}))
    return found
