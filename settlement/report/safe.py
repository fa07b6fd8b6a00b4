"""Text that a spreadsheet program must not take for a formula."""

from __future__ import annotations

# = + - @ begin a formula (the full-width ones too where the program is set to Chinese or Japanese); tab, CR and LF are
# skipped by some programs, which then see what follows. A leading apostrophe is marked too, so that the mark comes off.
_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
MARK = "'"


def is_dangerous(text: str) -> bool:
    """Whether a spreadsheet program could run the text as a formula."""
    return text.lstrip(" \u00a0\u3000\ufeff").startswith(_STARTS)


def marked(text: str) -> str:
    """The text with an apostrophe in front where it is dangerous (or has one): without the first it is what it was."""
    return MARK + text if is_dangerous(text) or text.startswith(MARK) else text
