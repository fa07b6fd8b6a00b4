"""The kernel that reads one usage record from JSON bytes, when it is written plainly and everything in it is good."""

import numpy as np

from meter.intake.kernels.accept import (
    ACTION,
    CARDS,
    CHARGE,
    CHIP,
    CONSUMER,
    CORRECTS,
    ENDED,
    EVIDENCE,
    FACILITY,
    ID,
    ORDER,
    PURPOSE,
    STARTED,
    VIA_PLATFORM,
    blank_row,
    day_started,
    is_complete,
    place_in_registry,
)
from meter.intake.kernels.fields import (
    NINE,
    ZERO,
    action_of_text,
    charge_of_text,
    equal,
    is_evidence,
    is_id,
    is_plain_text,
    is_uscc,
    millicards_of_text,
    purpose_of_text,
    seconds_of,
)
from meter.intake.kernels.record_bounds import (
    BACKSLASH,
    CLOSE_BRACE,
    COLON,
    COMMA,
    LINE_FEED,
    OPEN_BRACE,
    QUOTE,
    RETURN,
    SPACE,
    TAB,
)
from meter.intake.kernels.scan import Scan
from meter.intake.kernels.unescape import unescape
from meter.intake.limits import TEXT_CHARACTERS
from meter.intake.record.usage_record import FIELDS
from meter.kernels.kernel import Array, kernel
from meter.kernels.words import trailing_zeros, word_at
from meter.vocabulary import VOID

DONE_WITH = len(FIELDS)  # a field whose value was taken already
MOST_KEY_BYTES = max(len(name) for name in FIELDS)
KEYS = np.zeros((len(FIELDS), MOST_KEY_BYTES), np.uint8)
for _field, _name in enumerate(FIELDS):
    KEYS[_field, : len(_name)] = list(_name.encode())
EIGHT_ONES = np.uint64(0x0101010101010101)
EIGHT_HIGH_BITS = np.uint64(0x8080808080808080)
EIGHT_QUOTES = np.uint64(QUOTE * 0x0101010101010101)
EIGHT_BACKSLASHES = np.uint64(BACKSLASH * 0x0101010101010101)
EIGHT_SPACES = np.uint64(SPACE * 0x0101010101010101)
NULL = np.frombuffer(b"null", np.uint8)
TRUE = np.frombuffer(b"true", np.uint8)
FALSE = np.frombuffer(b"false", np.uint8)


@kernel
def after_blank(body: Array, place: int, end: int, line: bool) -> int:
    """Return the place of the next byte that is no white space, or `end`; within a line a line feed is none."""
    while place < end and (
        body[place] == SPACE or body[place] == TAB or body[place] == RETURN or (body[place] == LINE_FEED and not line)
    ):
        place += 1
    return place


@kernel
def closing_quote(body: Array, place: int, end: int) -> int:
    """Return the place of the quote that ends a plain string whose text begins at `place`.

    -1 at escapes and control bytes.
    """
    while place + 8 <= end:
        word = word_at(body, place)
        # a byte's high bit is set where the byte is a quote, a backslash or below a space; the lowest such is exact
        quotes = word ^ EIGHT_QUOTES
        slashes = word ^ EIGHT_BACKSLASHES
        found = (
            ((quotes - EIGHT_ONES) & ~quotes) | ((slashes - EIGHT_ONES) & ~slashes) | ((word - EIGHT_SPACES) & ~word)
        ) & EIGHT_HIGH_BITS
        if found:
            place += trailing_zeros(found) >> 3
            return place if body[place] == QUOTE else -1
        place += 8
    while place < end:
        byte = body[place]
        if byte == QUOTE:
            return place
        if byte < SPACE or byte == BACKSLASH:
            return -1
        place += 1
    return -1


@kernel
def field_of(body: Array, start: int, length: int) -> int:
    """Return the field a key names, or -1."""
    first = body[start]
    field = -1
    if length == 2:
        field = ID
    elif length == 4:
        field = CHIP
    elif length == 5:
        field = CARDS if first == 99 else ORDER
    elif length == 6:
        field = ACTION
    elif length == 7:
        field = PURPOSE
    elif length == 8:
        if first == 99:
            field = CORRECTS if body[start + 2] == 114 else CONSUMER
        elif first == 102:
            field = FACILITY
        else:
            field = ENDED if body[start + 1] == 110 else EVIDENCE
    elif length == 10:
        field = STARTED if first == 115 else CHARGE
    elif length == 12:
        field = VIA_PLATFORM
    if field >= 0 and equal(body, start, KEYS[field], 0, length):
        return field
    return -1


@kernel
def read_record(  # noqa: C901, PLR0912, PLR0915 - a kernel: one pass over the bytes of a record
    scan: Scan, place: int, end: int, row: int, line: bool, with_id: bool
) -> int:
    """Return the place after the object that begins at `place`, its row filled; -1 where it must go to the authority.

    `line`: in NDJSON, where white space is what a line may hold. `with_id`: the record must state its id itself. An
    order written with escapes is placed at body.size + its place in the spare bytes.
    """
    body, facilities, chips, records, places, spare, spent = scan
    if place >= end or body[place] != OPEN_BRACE:
        return -1
    stated = 0
    facility_start = facility_length = chip_start = chip_length = consumer_start = 0
    millicards = started = ended = charge_fen = purpose = action = 0
    via_platform = True
    at = places[row]
    at.id_length = -1
    at.corrects_length = -1
    at.order_length = -1
    at.evidence_length = -1
    at.event_source_length = -1
    place = after_blank(body, place + 1, end, line)
    while True:
        if place >= end or body[place] != QUOTE:
            return -1
        stop = closing_quote(body, place + 1, min(end, place + MOST_KEY_BYTES + 2))
        if stop < 0:
            return -1
        field = field_of(body, place + 1, stop - place - 1)
        if field < 0 or stated >> field & 1:
            return -1
        stated |= 1 << field
        place = after_blank(body, stop + 1, end, line)
        if place >= end or body[place] != COLON:
            return -1
        place = after_blank(body, place + 1, end, line)
        if place >= end:
            return -1
        byte = body[place]
        if byte == QUOTE:
            start = place + 1
            stop = closing_quote(body, start, end)
            if stop < 0:
                if field != ORDER or spare.size != body.size:
                    return -1
                first = spent[0]
                stop, last = unescape(body, start, end, spare, first)
                if stop < 0 or not is_plain_text(spare, first, last - first, TEXT_CHARACTERS):
                    return -1
                spent[0] = last
                at.order = body.size + first
                at.order_length = last - first
                field = DONE_WITH
            length = stop - start
            place = stop + 1
            # one call of each check, for its code is laid out where it is called
            if field == ID or field == CORRECTS:  # noqa: SIM109 a tuple compiles to a loop
                if not is_id(body, start, length):
                    return -1
                if field == ID:
                    at.id = start
                    at.id_length = length
                else:
                    at.corrects = start
                    at.corrects_length = length
            elif field == CONSUMER:
                if not is_uscc(body, start, length):
                    return -1
                consumer_start = start
            elif field == FACILITY:
                facility_start = start
                facility_length = length
            elif field == CHIP:
                chip_start = start
                chip_length = length
            elif field == CARDS:
                millicards = millicards_of_text(body, start, length)
                if millicards < 0:
                    return -1
            elif field == STARTED or field == ENDED:  # noqa: SIM109 the same
                seconds = seconds_of(body, start, length)
                if seconds < 0:
                    return -1
                if field == STARTED:
                    started = seconds
                else:
                    ended = seconds
            elif field == PURPOSE:
                purpose = purpose_of_text(body, start, length)
                if purpose < 0:
                    return -1
            elif field == DONE_WITH:
                pass
            elif field == ORDER:
                if not is_plain_text(body, start, length, TEXT_CHARACTERS):
                    return -1
                at.order = start
                at.order_length = length
            elif field == EVIDENCE:
                if not is_evidence(body, start, length):
                    return -1
                at.evidence = start
                at.evidence_length = length
            elif field == ACTION:
                action = action_of_text(body, start, length)
                if action < 0:
                    return -1
            else:
                return -1
        elif field == CARDS or field == CHARGE:  # noqa: SIM109 a tuple compiles to a loop
            start = place
            while place < end and ZERO <= body[place] <= NINE:
                place += 1
            if field == CARDS:
                millicards = millicards_of_text(body, start, place - start)
                if millicards < 0:
                    return -1
            else:
                charge_fen = charge_of_text(body, start, place - start)
                if charge_fen < 0:
                    return -1
        elif field == VIA_PLATFORM:
            if place + 4 <= end and equal(body, place, TRUE, 0, 4):
                place += 4
            elif place + 5 <= end and equal(body, place, FALSE, 0, 5):
                via_platform = False
                place += 5
            else:
                return -1
        elif field == PURPOSE and place + 4 <= end and equal(body, place, NULL, 0, 4):
            place += 4
        else:
            return -1
        place = after_blank(body, place, end, line)
        if place >= end:
            return -1
        if body[place] == CLOSE_BRACE:
            place += 1
            break
        if body[place] != COMMA:
            return -1
        place = after_blank(body, place + 1, end, line)

    if not is_complete(stated, action) or (with_id and at.id_length < 0):
        return -1
    if action and at.id_length == at.corrects_length and equal(body, at.id, body, at.corrects, at.id_length):
        return -1
    if action == VOID:
        blank_row(records, row, action)
        return place
    day = day_started(started, ended)
    if day < 0:
        return -1
    facility = place_in_registry(facilities, day, body, facility_start, facility_length)
    chip = place_in_registry(chips, day, body, chip_start, chip_length)
    if facility < 0 or chip < 0:
        return -1
    record = records[row]
    record.facility = facility
    record.chip = chip
    record.millicards = millicards
    record.started = started
    record.ended = ended
    record.charge_fen = charge_fen
    record.purpose = purpose
    record.via_platform = via_platform
    record.action = action
    code = record.consumer_code
    for step in range(18):
        code[step] = body[consumer_start + step]
    return place


# long: mostly one kernel, which is compiled as one piece
