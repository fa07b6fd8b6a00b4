"""How exact quantities of compute are kept and written: integers of 1/3.6e24 PFLOPS-hour, shown as exact strings."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

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


def use_text(use: int) -> str:
    """Millicard-seconds x megaflops as PFLOPS-hours, exact."""
    return decimal_text(Fraction(use, USE_PER_PFLOPS_HOUR))
