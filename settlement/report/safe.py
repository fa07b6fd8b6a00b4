"""Text that a spreadsheet program must take neither for a formula nor for another number or a day."""

from __future__ import annotations

import re
from typing import Final

import polars as pl

# = + - @ begin a formula (the full-width ones too where the program is set to Chinese or Japanese); tab, CR and LF are
# skipped by some programs, which then see what follows. A leading apostrophe is marked too, so that the mark comes off.
DANGEROUS: Final = "^[ \u00a0\u3000\ufeff]*[=+@\t\r\n\uff1d\uff0b\uff0d\uff20-]"
MARK: Final = "'"
KEEP: Final = "\t"
# digits and the signs of numbers, fractions, days and times; what is left of it as it is says the second pattern
_GUESSED_TEXT: Final = "-?[0-9][0-9.,:/ eE+-]*"
_PLAIN_NUMBER_TEXT: Final = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?"
_GUESSED, _PLAIN_NUMBER = (rf"^({one})\z" for one in (_GUESSED_TEXT, _PLAIN_NUMBER_TEXT))
_DIGITS_OF_A_NUMBER: Final = 15  # a spreadsheet's number keeps no more
_DANGEROUS: Final = re.compile(DANGEROUS)


def is_dangerous(text: str) -> bool:
    """Return whether a spreadsheet program could run the text as a formula."""
    return _DANGEROUS.match(text) is not None


def marked(text: str) -> str:
    """Return the text with an apostrophe in front where it is dangerous (or has one): without the first it is what it
    was."""
    return MARK + text if is_dangerous(text) or text.startswith(MARK) else text


def marked_texts(texts: pl.Expr) -> pl.Expr:
    """Return what `marked` says of each text of a column."""
    unsafe = texts.str.contains(DANGEROUS) | texts.str.starts_with(MARK)
    return pl.when(unsafe).then(pl.lit(MARK) + texts).otherwise(texts)


def kept(text: str) -> str:
    """Return the text with a tab behind where a spreadsheet program would read something else: 7/36, 007, 18 digits."""
    if re.fullmatch(_GUESSED_TEXT, text) is None:
        return text
    plain = re.fullmatch(_PLAIN_NUMBER_TEXT, text) is not None and sum(map(str.isdigit, text)) <= _DIGITS_OF_A_NUMBER
    return text if plain else text + KEEP


def kept_texts(texts: pl.Expr) -> pl.Expr:
    """Return what `kept` says of each text of a column."""
    short = texts.str.count_matches("[0-9]") <= _DIGITS_OF_A_NUMBER
    plain = texts.str.contains(_PLAIN_NUMBER) & short
    return pl.when(texts.str.contains(_GUESSED) & ~plain).then(texts + pl.lit(KEEP)).otherwise(texts)
