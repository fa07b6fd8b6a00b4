"""Exact numbers as people read them: thousands separators, at most six decimals, and whether something was cut."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from api.console.language.reader import ENGLISH, reader
from api.console.language.text import phrase

DECIMALS = 6


@dataclass(frozen=True)
class Shown:
    """A number for people; `exact` is the number itself where `text` is rounded, else empty."""

    text: str
    exact: str = ""

    def __str__(self) -> str:
        return self.text


def shown(value: str | int | Fraction, decimals: int = DECIMALS) -> Shown:
    """Return an exact number (decimal or fraction as text). Half a last place is rounded away from zero."""
    number = Fraction(value)
    scaled = abs(number) * 10**decimals
    whole = int(scaled + Fraction(1, 2))
    digits, rest = divmod(whole, 10**decimals)
    tail = f"{rest:0{decimals}d}".rstrip("0")
    text = f"{'-' if number < 0 and whole else ''}{digits:,}{'.' if tail else ''}{tail}"
    return Shown(text) if scaled == whole else Shown(f"≈{text}", str(value))


def percent(value: str) -> Shown:
    """Return an exact ratio as a percentage."""
    found = shown(Fraction(value) * 100)
    return Shown(f"{found.text}%", str(value) if found.exact else "")


def short_money(fen: int, sign: str = "") -> str:
    """Return fen in a few letters: in 万 with one decimal, in English in thousands of yuan; with `sign` "+" signed."""
    if reader().language == ENGLISH:
        return f"{fen / 100_000:{sign},.0f}k"
    return phrase("{fen} 万", fen=f"{fen / 1_000_000:{sign},.1f}")
