"""The kernel that undoes the escapes of a JSON string, for the one free text of a record."""

from typing import Any

from meter.intake.kernels.record_bounds import BACKSLASH, QUOTE, SPACE
from meter.kernels.kernel import Array, kernel

LETTER_U, SLASH = 117, 47


@kernel
def hexadecimal_of(body: Array, place: int, end: int) -> int:
    """Return the number that four hexadecimal digits state, or -1."""
    if place + 4 > end:
        return -1
    value: Any = 0
    for step in range(4):
        byte = body[place + step]
        if 48 <= byte <= 57:
            value = value * 16 + byte - 48
        elif 97 <= byte | 0x20 <= 102:
            value = value * 16 + (byte | 0x20) - 87
        else:
            return -1
    return int(value)


@kernel
def unescape(  # noqa: C901, PLR0912 - a kernel: one pass over bytes
    body: Array, place: int, end: int, out: Array, first: int
) -> tuple[int, int]:
    """Return (place of the closing quote, end of the text in `out`) of a string whose text begins at `place`, or (-1,
    first).

    The text is written to `out` from `first`; it is never longer than it was. Escapes of control characters and halves
    of surrogate pairs are left to the authority.
    """
    last = first
    while place < end:
        byte = body[place]
        if byte == QUOTE:
            return place, last
        if byte < SPACE:
            return -1, first
        if byte != BACKSLASH:
            out[last] = byte
            last += 1
            place += 1
            continue
        if place + 1 >= end:
            return -1, first
        byte = body[place + 1]
        if byte == QUOTE or byte == BACKSLASH or byte == SLASH:  # noqa: SIM109 a tuple compiles to a loop
            out[last] = byte
            last += 1
            place += 2
            continue
        if byte != LETTER_U:
            return -1, first
        point = hexadecimal_of(body, place + 2, end)
        place += 6
        if 0xD800 <= point <= 0xDBFF and place + 1 < end and body[place] == BACKSLASH and body[place + 1] == LETTER_U:
            low = hexadecimal_of(body, place + 2, end)
            if low < 0xDC00 or low > 0xDFFF:
                return -1, first
            point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00)
            place += 6
        if point < SPACE or 0xD800 <= point <= 0xDFFF:
            return -1, first
        if point < 0x80:
            out[last] = point
            last += 1
        elif point < 0x800:
            out[last] = 0xC0 | point >> 6
            out[last + 1] = 0x80 | point & 0x3F
            last += 2
        elif point < 0x10000:
            out[last] = 0xE0 | point >> 12
            out[last + 1] = 0x80 | point >> 6 & 0x3F
            out[last + 2] = 0x80 | point & 0x3F
            last += 3
        else:
            out[last] = 0xF0 | point >> 18
            out[last + 1] = 0x80 | point >> 12 & 0x3F
            out[last + 2] = 0x80 | point >> 6 & 0x3F
            out[last + 3] = 0x80 | point & 0x3F
            last += 4
    return -1, first
