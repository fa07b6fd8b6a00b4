"""A job as it stands, and whoever asks for one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

ENDED: Final = ("done", "failed", "cancelled")


@dataclass(frozen=True)
class Asker:
    """Who asked for a job, as its worker acts on his behalf."""

    actor: str
    scopes: frozenset[str]
    city: str | None


@dataclass(frozen=True)
class Output:
    """What a job gives in bytes: of which type, and under which name it is saved."""

    media_type: str
    file_name: str | None = None


@dataclass(frozen=True)
class Job:
    """One job as it stood when it was read."""

    id: int
    kind: str
    lane: str
    parameters: Mapping[str, Any]
    asked: Asker
    output: Output | None
    state: str
    stage: str
    done: int
    total: int | None
    result: Mapping[str, Any] | None
    error: Mapping[str, Any] | None
    attempts: int
    fence: int
    worker: str | None
    asked_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def over(self) -> bool:
        """Whether it has ended, whichever way."""
        return self.state in ENDED
