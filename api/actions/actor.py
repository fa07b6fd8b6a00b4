"""Who acts, with a key or in the console, and what every action asks of him first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from api.http.problem import Problem

TEXT_MAX: Final = 4000
LARGEST: Final = 2**63
"""Numbers of the database lie below it."""


class Actor(Protocol):
    """Who decides: a key's holder or a person."""

    @property
    def actor(self) -> str:
        """Who, by name."""

    @property
    def scopes(self) -> frozenset[str]:
        """What he may ask."""

    @property
    def city(self) -> str | None:
        """The city he is bound to."""


def require_of_the_province(hand: Actor, scope: str) -> None:
    """Raise Problem 403 unless somebody has the scope and is bound to no city."""
    if scope not in hand.scopes or hand.city is not None:
        raise Problem(403, "scope_missing", f"this needs the scope {scope}, for the whole province")


def require_texts(said: Mapping[str, Any]) -> None:
    """Raise Problem 400 for a text that is longer than any is kept, or that no table takes."""
    for name, value in said.items():
        if isinstance(value, str) and (len(value) > TEXT_MAX or "\0" in value):
            raise Problem(400, "out_of_range", f"{name} is longer than {TEXT_MAX} characters, or holds a NUL")
