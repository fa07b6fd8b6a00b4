"""The kernel that walks a JSON body in one pass and finds its records."""

from meter.intake.kernels.accept import leave_to_authority
from meter.intake.kernels.read_event import read_event
from meter.intake.kernels.read_record import after_blank, read_record
from meter.intake.kernels.record_bounds import (
    CLOSE_BRACKET,
    COMMA,
    DONE,
    EMPTY,
    LINE_FEED,
    NOT_A_BATCH,
    NOT_JSON,
    OPEN_BRACE,
    OPEN_BRACKET,
    TOO_MANY_RECORDS,
    TRAILING,
    after_space,
    after_value,
    check_line,
    line_end,
)
from meter.intake.kernels.scan import Scan
from meter.intake.limits import BATCH_RECORDS, RECORD_BYTES
from meter.kernels.kernel import kernel


@kernel
def scan_lines(scan: Scan, fast: bool) -> tuple[int, int]:
    """Scan NDJSON, one record for every line that is not blank; return (outcome, number of records)."""
    body, places = scan.body, scan.places
    end = body.size
    place = 0
    count = 0
    while True:
        place = after_space(body, place, end)
        if place == end:
            return DONE if count else EMPTY, count
        if count == BATCH_RECORDS:
            return TOO_MANY_RECORDS, count
        places[count].start = place
        if fast:
            stop = read_record(scan, place, end, count, True, True)
            if stop >= 0:
                stop = after_blank(body, stop, end, True)
                if (stop == end or body[stop] == LINE_FEED) and stop - place <= RECORD_BYTES:
                    places[count].end = stop
                    places[count].fast = True
                    count += 1
                    place = stop
                    continue
        stop = line_end(body, place, end)
        outcome = check_line(body, place, stop)
        if outcome != DONE:
            return outcome, count
        places[count].end = stop
        leave_to_authority(places, count)
        count += 1
        place = stop


@kernel
def scan_document(  # noqa: C901, PLR0912 - a kernel: one pass over the bytes of a body
    scan: Scan, wanted: int, events: bool, fast: bool
) -> tuple[int, int]:
    """Scan a JSON array of records or one object, or of events; `wanted` is the bracket it must begin with, 0 for
    either.

    (outcome, number of records).
    """
    body, places = scan.body, scan.places
    end = body.size
    place = after_space(body, 0, end)
    if place == end:
        return EMPTY, 0
    several = body[place] == OPEN_BRACKET
    if wanted and body[place] != wanted:
        return NOT_A_BATCH, 0
    if several:
        place = after_space(body, place + 1, end)
    elif body[place] != OPEN_BRACE:
        return NOT_A_BATCH, 0
    count = 0
    if not (several and place < end and body[place] == CLOSE_BRACKET):
        while True:
            if count == BATCH_RECORDS:
                return TOO_MANY_RECORDS, count
            stop = -1
            if fast and events:
                stop = read_event(scan, place, end, count)
            elif fast:
                stop = read_record(scan, place, end, count, False, True)
            if 0 <= stop <= place + RECORD_BYTES:
                places[count].fast = True
            else:
                stop, outcome = after_value(body, place, end)
                if outcome != DONE:
                    return outcome, count
                if stop == place:
                    return NOT_JSON, count
                leave_to_authority(places, count)
            places[count].start = place
            places[count].end = stop
            count += 1
            place = after_space(body, stop, end)
            if not several:
                return DONE if place == end else TRAILING, count
            if place == end or (body[place] != COMMA and body[place] != CLOSE_BRACKET):
                return NOT_JSON, count
            if body[place] == CLOSE_BRACKET:
                break
            place = after_space(body, place + 1, end)
    place = after_space(body, place + 1, end)
    return DONE if place == end else TRAILING, count
