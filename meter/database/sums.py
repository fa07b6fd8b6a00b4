"""Sums out of the database, which are exact whatever they come to: numeric there, whole numbers here."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def with_sums(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row in which whole numerics are ints: a cast to bigint would end every answer that one sum is too large
    for."""
    return {name: int(value) if isinstance(value, Decimal) else value for name, value in row.items()}
