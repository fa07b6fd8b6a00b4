"""Kernels that find where the records of a JSON body begin and end, without reading what they say."""

import numpy as np

from meter.intake.limits import DEPTH_LEVELS, RECORD_VALUES
from meter.kernels.kernel import Array, kernel

# what a scan found; anything but DONE refuses the body
DONE, NOT_JSON, EMPTY, NOT_A_BATCH, TRAILING, TOO_DEEP, TOO_MANY_VALUES, TOO_MANY_RECORDS = range(8)

SPACE, TAB, LINE_FEED, RETURN = 32, 9, 10, 13
QUOTE, BACKSLASH, COMMA, COLON = 34, 92, 44, 58
OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET = 123, 125, 91, 93
OPENS, CLOSES, SEPARATES, BLANK = 1, 2, 3, 4
KIND = np.zeros(256, np.uint8)
KIND[[OPEN_BRACE, OPEN_BRACKET]] = OPENS
KIND[[CLOSE_BRACE, CLOSE_BRACKET]] = CLOSES
KIND[[COMMA, COLON]] = SEPARATES
KIND[[SPACE, TAB, LINE_FEED, RETURN]] = BLANK


@kernel
def after_space(body: Array, place: int, end: int) -> int:
    """Return the place of the next byte that is not JSON white space, or `end`."""
    while place < end and KIND[body[place]] == BLANK:
        place += 1
    return place


@kernel
def after_string(body: Array, place: int, end: int) -> int:
    """Return the place after a string that opens at `place`, or -1 when it does not close."""
    place += 1
    while place < end:
        if body[place] == QUOTE:
            return place + 1
        place += 2 if body[place] == BACKSLASH else 1
    return -1


@kernel
def after_value(  # noqa: C901, PLR0912 - a kernel: one pass over bytes
    body: Array, place: int, end: int
) -> tuple[int, int]:
    """Return (place after the JSON value that begins at `place`, DONE) or (-1, what is wrong).

    Brackets are only counted, not matched: whoever reads the value decides whether it is JSON.
    """
    depth = 0
    separators = 0
    while place < end:
        byte = body[place]
        if byte == QUOTE:
            place = after_string(body, place, end)
            if place < 0:
                return -1, NOT_JSON
            if depth == 0:
                return place, DONE
            continue
        kind = KIND[byte]
        if kind == OPENS:
            depth += 1
            if depth > DEPTH_LEVELS:
                return -1, TOO_DEEP
        elif kind == CLOSES:
            if depth == 0:
                return place, DONE
            depth -= 1
            if depth == 0:
                return place + 1, DONE
        elif depth == 0:
            if byte == COMMA or kind == BLANK:
                return place, DONE
        elif kind == SEPARATES:
            separators += 1
            if separators > RECORD_VALUES:
                return -1, TOO_MANY_VALUES
        place += 1
    return place, NOT_JSON if depth else DONE


@kernel
def check_line(body: Array, place: int, end: int) -> int:
    """Return DONE, TOO_DEEP or TOO_MANY_VALUES: whether one line of NDJSON may be handed to a JSON parser."""
    depth = 0
    separators = 0
    while place < end:
        byte = body[place]
        if byte == QUOTE:
            place = after_string(body, place, end)
            if place < 0:
                return DONE
            continue
        kind = KIND[byte]
        if kind == OPENS:
            depth += 1
            if depth > DEPTH_LEVELS:
                return TOO_DEEP
        elif kind == CLOSES:
            depth -= 1
        elif kind == SEPARATES:
            separators += 1
            if separators > RECORD_VALUES:
                return TOO_MANY_VALUES
        place += 1
    return DONE


@kernel
def line_end(body: Array, place: int, end: int) -> int:
    """Return the place of the next line feed, or `end`."""
    while place < end and body[place] != LINE_FEED:
        place += 1
    return place
