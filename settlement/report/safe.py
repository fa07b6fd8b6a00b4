"""Text that a spreadsheet program must not take for a formula."""

from __future__ import annotations

import re
from typing import Final

import polars as pl

# = + - @ begin a formula (the full-width ones too where the program is set to Chinese or Japanese); tab, CR and LF are
# skipped by some programs, which then see what follows. A leading apostrophe is marked too, so that the mark comes off.
DANGEROUS: Final = "^[ \u00a0\u3000\ufeff]*[=+@\t\r\n\uff1d\uff0b\uff0d\uff20-]"
MARK: Final = "'"
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
