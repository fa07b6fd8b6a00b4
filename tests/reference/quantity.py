"""How an exact quantity is written: a finite decimal without trailing zeros, else a reduced fraction (R-UNIT)."""

from fractions import Fraction


def text_of(quantity: Fraction) -> str:
    """`"1000"`, `"0.001"`, `"-600"` or `"7/36"`."""
    rest = quantity.denominator
    twos = fives = 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return f"{quantity.numerator}/{quantity.denominator}"
    places = max(twos, fives)
    digits = str(abs(quantity.numerator) * 10**places // quantity.denominator).rjust(places + 1, "0")
    sign = "-" if quantity < 0 else ""
    if places == 0:
        return sign + digits
    return f"{sign}{digits[:-places]}.{digits[-places:]}"
