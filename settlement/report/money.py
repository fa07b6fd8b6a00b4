"""Fen as people write money: exact text in yuan and in 万元, made with integers only."""

from __future__ import annotations

import re

import polars as pl

FEN_PER_WAN = 1_000_000  # 1 万元 = 10,000 yuan = 1,000,000 fen: six decimals lose nothing


def yuan_text(fen: int) -> str:
    """Return fen as yuan with thousands separators and two decimals: 123456789 -> 1,234,567.89."""
    whole, rest = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole:,}.{rest:02d}"


def fen_of(text: str) -> int | None:
    """Return the fen of an amount in yuan as people type it (1,234.5 or 1234.50).

    None where it is none, or not whole fen.
    """
    found = re.fullmatch(r"([0-9]{1,16}|[0-9]{1,3}(?:,[0-9]{3}){1,5})(?:\.([0-9]{1,2}))?", text.strip())
    if found is None:
        return None
    return int(found[1].replace(",", "")) * 100 + int((found[2] or "").ljust(2, "0"))


def wan_text(fen: int) -> str:
    """Return fen as 万元 with six decimals, without separators: 12000000 -> 12.000000."""
    whole, rest = divmod(abs(fen), FEN_PER_WAN)
    return f"{'-' if fen < 0 else ''}{whole}.{rest:06d}"


def wan_texts(fen: pl.Expr) -> pl.Expr:
    """Return what `wan_text` says of each value of a column; null where it is null."""
    return decimals(fen, FEN_PER_WAN, 6)


def decimals(fen: pl.Expr, whole: int, digits: int) -> pl.Expr:
    """Return fen divided by `whole` as exact text with so many digits behind the point, of each value of a column."""
    exact = fen.cast(pl.Int128)
    size = exact.abs()
    sign = pl.when(exact < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    rest = (size % whole).cast(pl.String).str.zfill(digits)
    return sign + (size // whole).cast(pl.String) + pl.lit(".") + rest
