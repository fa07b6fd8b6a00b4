"""Kernels that read single fields from bytes: each accepts only what the authority (record.py) accepts, with its value.

A text is `text[start : start + length]`. What is not accepted is answered with -1 or False and goes to the authority,
which decides the code. Nothing here decides a refusal.
"""

from typing import Any

import numpy as np

from meter.days import DAY_SECONDS
from meter.intake.limits import (
    CHARGE_FEN,
    END_SECOND,
    EVIDENCE_CHARACTERS,
    FIRST_SECOND,
    MILLICARDS,
    TEXT_CHARACTERS,
    TIME_CHARACTERS,
)
from meter.kernels.kernel import Array, kernel
from meter.uscc import ALPHABET, WEIGHTS
from meter.vocabulary import ACTIONS, PURPOSES, REPLACE, VOID

ZERO, NINE, POINT, MINUS, PLUS, COLON = 48, 57, 46, 45, 43, 58


def byte_set(characters: str) -> Array:
    """Return a table of 256 flags."""
    flags = np.zeros(256, np.bool_)
    flags[list(characters.encode())] = True
    return flags


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_BYTES = byte_set(LETTERS + "0123456789._:-")
HEXADECIMAL_BYTES = byte_set("0123456789ABCDEFabcdef")
USCC_VALUES = np.full(256, -1, np.int32)
for _value, _character in enumerate(ALPHABET):
    USCC_VALUES[ord(_character)] = _value
USCC_WEIGHTS = np.array(WEIGHTS, np.int32)
MONTH_LENGTHS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
RESEARCH, COMMERCIAL = PURPOSES["research"], PURPOSES["commercial"]
PURPOSE_WORDS = (np.frombuffer(b"research", np.uint8), np.frombuffer(b"commercial", np.uint8))
ACTION_WORDS = (np.frombuffer(b"replace", np.uint8), np.frombuffer(b"void", np.uint8))
assert [bytes(word).decode() for word in PURPOSE_WORDS] == list(PURPOSES)
assert [bytes(word).decode() for word in ACTION_WORDS] == list(ACTIONS)


@kernel
def equal(text: Array, start: int, other: Array, other_start: int, length: int) -> bool:
    """Return whether two texts of one length are the same."""
    for step in range(length):  # noqa: SIM110 a loop is what compiles well
        if text[start + step] != other[other_start + step]:
            return False
    return True


@kernel
def all_in(flags: Array, text: Array, start: int, length: int) -> bool:
    """Return whether every byte of a text is in a set."""
    good = True
    for place in range(start, start + length):
        good &= flags[text[place]]
    return good


@kernel
def is_id(text: Array, start: int, length: int) -> bool:
    """Return whether a text is a record id."""
    return 1 <= length <= TEXT_CHARACTERS and all_in(ID_BYTES, text, start, length)


@kernel
def is_evidence(text: Array, start: int, length: int) -> bool:
    """Return whether a text is an evidence digest; the empty one is."""
    return length <= EVIDENCE_CHARACTERS and all_in(HEXADECIMAL_BYTES, text, start, length)


@kernel
def is_uscc(text: Array, start: int, length: int) -> bool:
    """Return whether a text is a unified social credit code with the right check digit."""
    if length != 18:
        return False
    total = np.int32(0)
    worst = np.int32(0)
    for place in range(17):
        value = USCC_VALUES[text[start + place]]
        worst |= value
        total += value * USCC_WEIGHTS[place]
    last = USCC_VALUES[text[start + 17]]
    return bool((worst | last) >= 0 and (total + last) % 31 == 0)


@kernel
def is_plain_text(text: Array, start: int, length: int, most_characters: int) -> bool:
    """Return whether a text is valid UTF-8 of at most so many characters without a control character (Unicode Cc)."""
    end = start + length
    place = start
    characters = 0
    while place < end:
        byte = text[place]
        characters += 1
        if byte < 0x80:
            if byte < 0x20 or byte == 0x7F:
                return False
            place += 1
            continue
        # well-formed sequences of the Unicode standard, table 3-7
        low, high = 0x80, 0xBF
        if 0xC2 <= byte <= 0xDF:
            more = 1
            low = 0xA0 if byte == 0xC2 else 0x80  # U+0080 to U+009F are control characters
        elif 0xE0 <= byte <= 0xEF:
            more = 2
            low = 0xA0 if byte == 0xE0 else 0x80
            high = 0x9F if byte == 0xED else 0xBF  # no surrogates
        elif 0xF0 <= byte <= 0xF4:
            more = 3
            low = 0x90 if byte == 0xF0 else 0x80
            high = 0x8F if byte == 0xF4 else 0xBF
        else:
            return False
        if place + more >= end or not low <= text[place + 1] <= high:
            return False
        for step in range(2, more + 1):
            if not 0x80 <= text[place + step] <= 0xBF:
                return False
        place += 1 + more
    return characters <= most_characters


@kernel
def number_of(text: Array, start: int, digits: int) -> int:
    """Return a number of so many decimal digits, or a negative one where a byte is no digit."""
    value: Any = 0
    worst: Any = 0
    for place in range(start, start + digits):
        digit = np.int64(text[place]) - ZERO
        worst |= digit | (9 - digit)
        value = value * 10 + digit
    return value if worst >= 0 else -1


@kernel
def seconds_of(  # noqa: C901, PLR0912 - a kernel: one pass over bytes
    text: Array, start: int, length: int
) -> int:
    """Return epoch seconds of an RFC 3339 instant from 2000 to 2099, floored, or -1."""
    if length < 20 or length > TIME_CHARACTERS:
        return -1
    year = number_of(text, start, 4)
    month = number_of(text, start + 5, 2)
    day = number_of(text, start + 8, 2)
    hour = number_of(text, start + 11, 2)
    minute = number_of(text, start + 14, 2)
    second = number_of(text, start + 17, 2)
    if (year | month | day | hour | minute | second) < 0:
        return -1
    if (
        text[start + 4] != MINUS
        or text[start + 7] != MINUS
        or (text[start + 10] | 0x20) != 0x74
        or text[start + 13] != COLON
        or text[start + 16] != COLON
    ):
        return -1
    place = start + 19
    end = start + length
    if text[place] == POINT:
        place += 1
        first = place
        while place < end and ZERO <= text[place] <= NINE:
            place += 1
        if place == first:
            return -1
        if place == end:
            return -1
    offset = 0
    sign = text[place]
    if (sign | 0x20) == 0x7A:
        if place + 1 != end:
            return -1
    elif sign == PLUS or sign == MINUS:  # noqa: SIM109 a tuple compiles to a loop
        if place + 6 != end or text[place + 3] != COLON:
            return -1
        offset_hour = number_of(text, place + 1, 2)
        offset_minute = number_of(text, place + 4, 2)
        if (offset_hour | offset_minute) < 0 or offset_hour > 23 or offset_minute > 59:
            return -1
        offset = (offset_hour * 60 + offset_minute) * 60
        if sign == MINUS:
            offset = -offset
    else:
        return -1
    if year < 1999 or year > 2100 or month < 1 or month > 12 or hour > 23 or minute > 59 or second > 59:
        return -1
    last = MONTH_LENGTHS[month]
    if month == 2 and year % 4 == 0 and year != 2100:  # in these years 2100 alone breaks the four-year rhythm
        last = 29
    if day < 1 or day > last:
        return -1
    shifted = year - 1 if month <= 2 else year
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days = shifted * 365 + shifted // 4 - shifted // 100 + shifted // 400 + day_of_year - 719_468
    seconds = days * DAY_SECONDS + hour * 3600 + minute * 60 + second - offset
    return seconds if FIRST_SECOND <= seconds < END_SECOND else -1


@kernel
def millicards_of_text(text: Array, start: int, length: int) -> int:
    """Return thousandths of a card from a plain decimal with at most 3 decimals, or -1."""
    whole = 0
    while whole < length and ZERO <= text[start + whole] <= NINE:
        whole += 1
    if whole == 0 or whole > 7 or (whole > 1 and text[start] == ZERO):
        return -1
    value = number_of(text, start, whole)
    decimals = 0
    if whole < length:
        decimals = length - whole - 1
        if text[start + whole] != POINT or decimals < 1 or decimals > 3:
            return -1
    for step in range(3):
        digit: Any = 0
        if step < decimals:
            digit = np.int64(text[start + whole + 1 + step]) - ZERO
            if digit < 0 or digit > 9:
                return -1
        value = value * 10 + digit
    return value if 1 <= value <= MILLICARDS else -1


@kernel
def charge_of_text(text: Array, start: int, length: int) -> int:
    """Return fen from the digits of a JSON integer, or -1."""
    if length < 1 or length > 16 or (length > 1 and text[start] == ZERO):
        return -1
    value = number_of(text, start, length)
    return value if value <= CHARGE_FEN else -1


@kernel
def purpose_of_text(text: Array, start: int, length: int) -> int:
    """Return the number of a purpose, or -1."""
    if length == 8 and equal(text, start, PURPOSE_WORDS[0], 0, 8):
        return RESEARCH
    if length == 10 and equal(text, start, PURPOSE_WORDS[1], 0, 10):
        return COMMERCIAL
    return -1


@kernel
def action_of_text(text: Array, start: int, length: int) -> int:
    """Return the number of an action, or -1."""
    if length == 7 and equal(text, start, ACTION_WORDS[0], 0, 7):
        return REPLACE
    if length == 4 and equal(text, start, ACTION_WORDS[1], 0, 4):
        return VOID
    return -1
