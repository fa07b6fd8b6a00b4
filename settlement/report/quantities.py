"""Quantities of a report's lines: the exact text as a number for a spreadsheet, and exact sums by a key."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from typing import Final

import polars as pl

from meter.decimals import decimal_text

DECIMALS: Final = 6
_ONE: Final = 10**DECIMALS
_DIGITS: Final = 24  # beyond, a row is told by itself: twice its numerator times 10^6 must fit into 128 bits


def number_texts(texts: pl.Series) -> pl.Series:
    """Return each quantity as a decimal: what is decimal as it is, a fraction rounded to six decimals."""
    if not texts.str.contains("/", literal=True).any():
        return texts
    above, below, one = pl.col("above"), pl.col("below"), pl.lit(_ONE, dtype=pl.Int128)
    two = pl.lit(2, dtype=pl.Int128)
    rounded = (above.abs() * one * two + below) // (below * two)
    sign = pl.when(above < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    rest = (rounded % one).cast(pl.String).str.zfill(DECIMALS)
    made = sign + (rounded // one).cast(pl.String) + pl.lit(".") + rest
    text = pl.col("text")
    parts = _parts(texts).with_columns(text=texts)
    ratio = text.str.contains("/", literal=True)
    shown = parts.select(pl.when(ratio).then(made).otherwise(text).alias(texts.name)).to_series()
    if shown.null_count() > texts.null_count():
        rows = zip(texts, shown, strict=True)
        told = [_rounded(exact) if short is None and exact else short for exact, short in rows]
        return pl.Series(texts.name, told, dtype=pl.String)
    return shown


class QuantitySums:
    """Exact sums of quantities, by a key."""

    def __init__(self) -> None:
        self._sums: defaultdict[str, Fraction] = defaultdict(Fraction)

    def add(self, keys: pl.Series, texts: pl.Series) -> None:
        """Add each quantity to the sum of its key."""
        parts = _parts(texts).with_columns(key=keys, text=texts)
        known = parts.filter(pl.col("above").is_not_null() & pl.col("below").is_not_null())
        for key, below, above in known.group_by("key", "below").agg(pl.col("above").sum()).iter_rows():
            self._sums[key] += Fraction(above, below)
        left = parts.filter((pl.col("above").is_null() | pl.col("below").is_null()) & pl.col("text").is_not_null())
        for key, text in left.select("key", "text").iter_rows():
            self._sums[key] += Fraction(text)

    def text(self, key: str) -> str:
        """Return the sum of a key, exact."""
        return decimal_text(self._sums[key])

    def whole(self) -> str:
        """Return the sum of all keys, exact."""
        return decimal_text(sum(self._sums.values(), Fraction()))


def rounded_text(exact: str) -> str:
    """Return one exact quantity as a number of at most six decimals."""
    return _rounded(exact) if "/" in exact else exact


def _rounded(exact: str) -> str:
    value = Fraction(exact)
    whole, rest = divmod((abs(value.numerator) * 2 * _ONE + value.denominator) // (2 * value.denominator), _ONE)
    return f"{'-' if value < 0 else ''}{whole}.{rest:0{DECIMALS}d}"


def _parts(texts: pl.Series) -> pl.DataFrame:
    """Return numerator and denominator of each quantity; null for what is too long for 128 bits."""
    text = pl.col("text")
    halves = text.str.split_exact("/", 1).struct
    point = text.str.split_exact(".", 1).struct
    decimals = point[1].str.len_chars().fill_null(0)
    short = text.str.len_chars() <= _DIGITS
    ratio = text.str.contains("/", literal=True)
    power = pl.lit(10, dtype=pl.Int128).pow(decimals)
    above = pl.when(ratio).then(halves[0]).otherwise(text.str.replace(".", "", literal=True))
    below = pl.when(ratio).then(halves[1].cast(pl.Int128, strict=False)).otherwise(power.cast(pl.Int128))
    return pl.DataFrame({"text": texts}).select(
        above=pl.when(short).then(above.cast(pl.Int128, strict=False)), below=pl.when(short).then(below)
    )
