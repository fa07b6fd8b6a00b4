"""How exact quantities of compute are kept and written: integers of 1/3.6e24 PFLOPS-hour, shown as exact strings."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import polars as pl

from meter.decimals import decimal_text

# PFLOPS-hours = millicard-seconds x megaflops / (3600 s x 1000 millicards x 10**9 megaflops); supply also carries an
# owner's share in billionths, so that one unit is one millicard-second x megaflops x billionth.
USE_PER_PFLOPS_HOUR: Final = 3_600_000 * 1_000 * 1_000_000
UNITS_PER_PFLOPS_HOUR: Final = USE_PER_PFLOPS_HOUR * 10**9


def pflops_hours(units: int) -> Fraction:
    """Units as PFLOPS-hours (R-UNIT)."""
    return Fraction(units, UNITS_PER_PFLOPS_HOUR)


def pflops_hours_text(units: int) -> str:
    """Units as an exact decimal of PFLOPS-hours, or as a reduced fraction where it is not finite."""
    return decimal_text(pflops_hours(units))


def units_of(text: str) -> int:
    """Return the units of which `pflops_hours_text` says this. Raises AssertionError for what it says of none."""
    units = Fraction(text) * UNITS_PER_PFLOPS_HOUR
    assert units.denominator == 1, f"{text} PFLOPS-hours are no whole number of units"
    return units.numerator


def use_text(use: int) -> str:
    """Millicard-seconds x megaflops as PFLOPS-hours, exact."""
    return decimal_text(Fraction(use, USE_PER_PFLOPS_HOUR))


def pflops_hours_texts(units: pl.Series) -> pl.Series:
    """Return what `pflops_hours_text` says of each value of an Int128 column."""
    return _texts(units, UNITS_PER_PFLOPS_HOUR)


def use_texts(use: pl.Series) -> pl.Series:
    """Return what `use_text` says of each value of an Int128 column."""
    return _texts(use, USE_PER_PFLOPS_HOUR)


def _texts(values: pl.Series, whole: int) -> pl.Series:
    """Values divided by `whole`, each as an exact decimal where it is finite, else as a reduced fraction.

    `whole` is 9 times a product of twos and fives, so a value is a finite decimal exactly where 9 divides it.
    """
    twos, fives = (_power_in(whole, prime) for prime in (2, 5))
    assert whole == 9 * 2**twos * 5**fives
    digits = max(twos, fives)
    scale = 9 * 10**digits // whole
    assert values.abs().max() is None or int(values.abs().max()) < 2**127 // scale, "decimals have no room in 128 bits"  # type: ignore[arg-type]
    number, left, over = pl.col("number"), pl.col("left"), pl.col("over")
    frame = pl.LazyFrame({"number": values.cast(pl.Int128)}).with_columns(
        left=number.abs(), over=pl.lit(whole, dtype=pl.Int128)
    )
    scaled = (left // 9 * scale).cast(pl.String).str.zfill(digits + 1)
    behind = scaled.str.slice(-digits).str.strip_chars_end("0")
    point = pl.when(behind == "").then(pl.lit("")).otherwise(pl.lit("."))
    frame = frame.with_columns(decimal=scaled.str.head(-digits) + point + behind)
    for factor in (3, *(2**power for power in _halves(twos)), *(5**power for power in _halves(fives))):
        divides = left % factor == 0
        frame = frame.with_columns(
            left=pl.when(divides).then(left // factor).otherwise(left),
            over=pl.when(divides).then(over // factor).otherwise(over),
        )
    fraction = left.cast(pl.String) + "/" + over.cast(pl.String)
    sign = pl.when(number < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    text = sign + pl.when(number % 9 == 0).then(pl.col("decimal")).otherwise(fraction)
    return frame.select(text.alias(values.name)).collect().to_series()


def _power_in(number: int, prime: int) -> int:
    power = 0
    while number % prime == 0:
        number, power = number // prime, power + 1
    return power


def _halves(most: int) -> list[int]:
    """Numbers that add up to `most`, such that trying each once in this order finds every number up to `most`."""
    found = []
    while most > 0:
        found.append((most + 1) // 2)
        most -= found[-1]
    return found
