"""What the service is told when it starts, passed to worker processes through the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from meter.journal.digest_chain import ALGORITHMS, SM3


@dataclass(frozen=True)
class Settings:
    """The database and how digests are made."""

    database_url: str
    algorithm: str = SM3
    workers: int = 1
    data: Path | None = None
    """Where what is derived from the database may be kept from one start to the next; None: nowhere."""

    def to_environment(self) -> None:
        """Leave the settings where worker processes find them."""
        os.environ["SUANBU_SERVICE_DATABASE_URL"] = self.database_url
        os.environ["SUANBU_DIGEST"] = self.algorithm
        os.environ["SUANBU_WORKERS"] = str(self.workers)
        os.environ["SUANBU_DATA"] = str(self.data or "")

    @classmethod
    def from_environment(cls) -> Settings:
        """The settings that the parent process left. Raises RuntimeError for an unknown digest algorithm."""
        algorithm = os.environ.get("SUANBU_DIGEST", SM3)
        if algorithm not in ALGORITHMS:
            raise RuntimeError(f"SUANBU_DIGEST must be one of {', '.join(ALGORITHMS)}")
        data = os.environ.get("SUANBU_DATA")
        return cls(
            os.environ["SUANBU_SERVICE_DATABASE_URL"],
            algorithm,
            int(os.environ.get("SUANBU_WORKERS", "1")),
            Path(data) if data else None,
        )
