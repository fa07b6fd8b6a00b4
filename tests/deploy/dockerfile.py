"""The instructions of a Dockerfile, read strictly: what is not understood is an error, not a comment."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KNOWN = (
    "FROM", "RUN", "COPY", "WORKDIR", "ENV", "USER", "EXPOSE", "VOLUME", "STOPSIGNAL", "HEALTHCHECK", "CMD",
)  # fmt: skip


@dataclass
class Stage:
    """One stage: the image it begins with, its name, and its instructions after FROM as (word, rest)."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def last(self, word: str) -> str:
        """Give what the last instruction of this word says. Raises KeyError where there is none."""
        found = [rest for known, rest in self.steps if known == word]
        if not found:
            raise KeyError(word)
        return found[-1]


def stages(path: Path) -> list[Stage]:
    """Read a Dockerfile. Raises ValueError for an instruction that is not known."""
    found: list[Stage] = []
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    for line in filter(str.strip, "\n".join(lines).replace("\\\n", " ").splitlines()):
        word, _, rest = line.strip().partition(" ")
        if word not in KNOWN:
            raise ValueError(f"not understood: {line}")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found.append(Stage(base, name or str(len(found))))
        else:
            found[-1].steps.append((word, re.sub(r"\s+", " ", rest.strip())))
    return found


def command(rest: str) -> list[str]:
    """Give the words of CMD in its JSON form, or of the CMD that a HEALTHCHECK runs."""
    words: Any = json.loads(rest[rest.index("[") :])
    assert all(isinstance(word, str) for word in words)
    return list(words)
