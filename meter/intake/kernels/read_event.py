"""The kernel that reads a plainly written CloudEvents envelope and the usage record in it."""

import numpy as np

from meter.intake.kernels.fields import equal, is_id, seconds_of
from meter.intake.kernels.read_record import after_blank, closing_quote, read_record
from meter.intake.kernels.record_bounds import CLOSE_BRACE, COLON, COMMA, OPEN_BRACE, QUOTE
from meter.intake.kernels.scan import Scan
from meter.kernels.kernel import Array, kernel

NAMES = ("id", "source", "specversion", "type", "data", "time", "subject", "dataschema", "datacontenttype")
(EVENT_ID, SOURCE, VERSION, TYPE, DATA, TIME, SUBJECT, SCHEMA, CONTENT) = range(len(NAMES))
REQUIRED_BITS = 1 << EVENT_ID | 1 << SOURCE | 1 << VERSION | 1 << TYPE | 1 << DATA
MOST_NAME_BYTES = max(len(name) for name in NAMES)
NAME_BYTES = np.zeros((len(NAMES), MOST_NAME_BYTES), np.uint8)
for _place, _name in enumerate(NAMES):
    NAME_BYTES[_place, : len(_name)] = list(_name.encode())
NAME_LENGTHS = np.array([len(name) for name in NAMES], np.int64)
ONE_ZERO = np.frombuffer(b"1.0", np.uint8)
JSON_TYPE = np.frombuffer(b"application/json", np.uint8)


@kernel
def attribute_of(body: Array, start: int, length: int) -> int:
    """Return the attribute a key names, or -1 (an extension, or unknown)."""
    for name in range(NAME_LENGTHS.size):
        if NAME_LENGTHS[name] == length and equal(body, start, NAME_BYTES[name], 0, length):
            return name
    return -1


@kernel
def read_event(  # noqa: C901, PLR0912, PLR0915 - a kernel: one pass over the bytes of an event
    scan: Scan, place: int, end: int, row: int
) -> int:
    """Return the place after the event that begins at `place`, its row filled; -1 where it must go to the authority."""
    body, places = scan.body, scan.places
    if place >= end or body[place] != OPEN_BRACE:
        return -1
    stated = 0
    id_start = id_length = source_start = source_length = 0
    place = after_blank(body, place + 1, end, False)
    while True:
        if place >= end or body[place] != QUOTE:
            return -1
        stop = closing_quote(body, place + 1, min(end, place + MOST_NAME_BYTES + 2))
        if stop < 0:
            return -1
        name = attribute_of(body, place + 1, stop - place - 1)
        if name < 0 or stated >> name & 1:
            return -1
        stated |= 1 << name
        place = after_blank(body, stop + 1, end, False)
        if place >= end or body[place] != COLON:
            return -1
        place = after_blank(body, place + 1, end, False)
        if name == DATA:
            place = read_record(scan, place, end, row, False, False)
            if place < 0:
                return -1
        else:
            if place >= end or body[place] != QUOTE:
                return -1
            start = place + 1
            stop = closing_quote(body, start, end)
            length = stop - start
            if stop < 0 or length == 0:
                return -1
            for step in range(start, stop):
                if body[step] >= 0x7F:
                    return -1
            place = stop + 1
            if name == EVENT_ID:
                if not is_id(body, start, length):
                    return -1
                id_start = start
                id_length = length
            elif name == SOURCE:
                source_start = start
                source_length = length
            elif name == VERSION:
                if length != 3 or not equal(body, start, ONE_ZERO, 0, 3):
                    return -1
            elif name == TIME:
                if seconds_of(body, start, length) < 0:
                    return -1
            elif name == CONTENT and (length != 16 or not equal(body, start, JSON_TYPE, 0, 16)):
                return -1
        place = after_blank(body, place, end, False)
        if place >= end:
            return -1
        if body[place] == CLOSE_BRACE:
            break
        if body[place] != COMMA:
            return -1
        place = after_blank(body, place + 1, end, False)
    if stated & REQUIRED_BITS != REQUIRED_BITS:
        return -1
    at = places[row]
    if at.id_length >= 0 and (at.id_length != id_length or not equal(body, at.id, body, id_start, id_length)):
        return -1
    at.id = id_start
    at.id_length = id_length
    at.event_source = source_start
    at.event_source_length = source_length
    if at.corrects_length == id_length and equal(body, at.corrects, body, id_start, id_length):
        return -1
    return place + 1
