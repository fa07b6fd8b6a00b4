"""Fen as an amount in yuan that programs exchange: two decimals, no separators; whole numbers only."""

from __future__ import annotations

import re
from typing import Final

_AMOUNT: Final = re.compile(r"(0|[1-9][0-9]{0,16})\.([0-9]{2})")
_WRITTEN: Final = re.compile(r"[+]?([0-9]{1,17}|[0-9]{1,3}(?:,[0-9]{3}){1,5})(?:\.([0-9]{1,2})0*)?")


def plain_yuan(fen: int) -> str:
    """Write fen in yuan: 123456 is 1234.56."""
    whole, rest = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole}.{rest:02d}"


def fen_of_plain_yuan(text: str) -> int | None:
    """Read an amount as `plain_yuan` writes it, not below 0; None for every other text."""
    found = _AMOUNT.fullmatch(text)
    return None if found is None else int(found[1]) * 100 + int(found[2])


def fen_of_written_yuan(text: str) -> int | None:
    """Read an amount as banks write it (1,234.5, -12.30, (12.30)); None where it is none, or no whole fen."""
    bare = text.strip().replace("\u00a5", "").replace("\uffe5", "").strip()
    below = bare.startswith("-") or (bare.startswith("(") and bare.endswith(")"))
    found = _WRITTEN.fullmatch(bare.strip("()").removeprefix("-").strip())
    if found is None:
        return None
    fen = int(found[1].replace(",", "")) * 100 + int((found[2] or "").ljust(2, "0"))
    return -fen if below else fen
