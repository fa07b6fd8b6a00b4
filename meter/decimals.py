"""Exact decimals and fractions as texts: how every door reads them, within which bounds, and how they are shown."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

DIGITS_MAX: Final = 40  # on either side of the point; a text of ten characters cannot ask for more by an exponent
_PLAIN: Final = re.compile(r"[0-9]+(\.[0-9]+)?")
_WITHOUT_LEADING_ZEROS: Final = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?")


def read_decimal(
    text: object, *, whole: int = DIGITS_MAX, places: int = DIGITS_MAX, signed: bool = False, canonical: bool = False
) -> Fraction | None:
    """Return the value of a plain decimal text such as "0.25"; None for anything else.

    At most so many digits before and after the point, ASCII only, no exponent, no -0. A minus is taken where `signed`,
    leading zeros where not `canonical`.
    """
    if not isinstance(text, str) or len(text) > whole + places + 2:
        return None
    body = text[1:] if signed and text.startswith("-") else text
    if not (_WITHOUT_LEADING_ZEROS if canonical else _PLAIN).fullmatch(body):
        return None
    before, _, after = body.partition(".")
    if len(before) > whole or len(after) > places:
        return None
    value = Fraction(body)
    if body == text:
        return value
    return -value if value else None


def read_rational(text: object, *, signed: bool = False) -> Fraction | None:
    """Return the value of a decimal text or of a fraction such as "1/3"; None for anything else."""
    if not isinstance(text, str) or "/" not in text:
        return read_decimal(text, signed=signed)
    above, _, below = text.partition("/")
    numerator, denominator = read_decimal(above, places=0, signed=signed), read_decimal(below, places=0)
    return numerator / denominator if numerator is not None and denominator else None


def decimal_text(value: Fraction) -> str:
    """Return a fraction as an exact decimal without trailing zeros where it is finite, else reduced, such as "7/36"."""
    rest = value.denominator
    twos = fives = 0
    while rest % 2 == 0:
        rest //= 2
        twos += 1
    while rest % 5 == 0:
        rest //= 5
        fives += 1
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    places = max(twos, fives)
    digits = str(abs(value.numerator) * 10**places // value.denominator)
    sign = "-" if value < 0 else ""
    if places == 0:
        return sign + digits
    digits = digits.rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}"
