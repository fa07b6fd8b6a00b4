"""What the service is told when it starts, passed to worker processes through the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from meter.journal.digest_chain import ALGORITHMS, SM3

# who moves or decides, or is to make people
NEEDED: Final = frozenset({"finance", "reviewer", "approver", "payer", "registrar", "admin", "entity"})
OPTIONAL: Final = frozenset({"auditor", "operator"})
SETTING: Final = "SUANBU_SECOND_FACTOR"


def roles_with_second_factor() -> frozenset[str]:
    """Return the roles that log in with a code: those that must, and those that SUANBU_SECOND_FACTOR adds to them.

    Raises ValueError for a role that there is not.
    """
    added = {name.strip() for name in os.environ.get(SETTING, "").split(",") if name.strip()}
    if unknown := sorted(added - NEEDED - OPTIONAL):
        raise ValueError(f"{SETTING} names roles, separated by commas; there is no {', '.join(unknown)}")
    return NEEDED | added


@dataclass(frozen=True)
class Settings:
    """The database and how digests are made."""

    database_url: str
    algorithm: str = SM3
    workers: int = 1
    data: Path | None = None
    """Where what is derived from the database may be kept from one start to the next; None: nowhere."""
    second_factor: frozenset[str] = NEEDED
    """The roles that do not log in without a code."""
    public_url: str = ""
    """The address under which people reach the console, as SUANBU_PUBLIC_URL says; "": that of each request."""

    def to_environment(self) -> None:
        """Leave the settings where worker processes find them."""
        os.environ["SUANBU_SERVICE_DATABASE_URL"] = self.database_url
        os.environ["SUANBU_DIGEST"] = self.algorithm
        os.environ["SUANBU_WORKERS"] = str(self.workers)
        os.environ["SUANBU_DATA"] = str(self.data or "")
        os.environ[SETTING] = ",".join(sorted(self.second_factor))
        os.environ["SUANBU_PUBLIC_URL"] = self.public_url

    @classmethod
    def from_environment(cls) -> Settings:
        """Return the settings that the parent process left. Raises RuntimeError for an unknown digest algorithm."""
        algorithm = os.environ.get("SUANBU_DIGEST", SM3)
        if algorithm not in ALGORITHMS:
            raise RuntimeError(f"SUANBU_DIGEST must be one of {', '.join(ALGORITHMS)}")
        data = os.environ.get("SUANBU_DATA")
        return cls(
            os.environ["SUANBU_SERVICE_DATABASE_URL"],
            algorithm,
            int(os.environ.get("SUANBU_WORKERS", "1")),
            Path(data) if data else None,
            roles_with_second_factor(),
            public_url_from_environment(),
        )


def public_url_from_environment() -> str:
    """Return SUANBU_PUBLIC_URL. Raises ValueError where it is neither https:// nor http:// and a host."""
    given = os.environ.get("SUANBU_PUBLIC_URL", "").strip()
    parts = urlsplit(given)
    if given and not (parts.scheme in ("https", "http") and parts.hostname):
        raise ValueError("SUANBU_PUBLIC_URL is an address such as https://suanbu.example")
    return given
