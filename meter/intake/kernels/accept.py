"""The kernel that makes a row of a record whose fields were all read, when it agrees with itself and the registry."""

from typing import Any

from meter.days import DAY_SECONDS, UTC_PLUS_8_SECONDS
from meter.intake.limits import SPAN_SECONDS
from meter.intake.record.usage_record import FIELDS, MEASURED
from meter.intake.registry_view.catalogue import find_code, in_force_on
from meter.kernels.kernel import Array, kernel
from meter.vocabulary import VOID

(
    ID,
    CONSUMER,
    FACILITY,
    CHIP,
    CARDS,
    STARTED,
    ENDED,
    CHARGE,
    PURPOSE,
    VIA_PLATFORM,
    ORDER,
    EVIDENCE,
    CORRECTS,
    ACTION,
) = range(14)
assert len(FIELDS) == 14
MEASURED_BITS = sum(1 << FIELDS.index(name) for name in MEASURED)
CORRECTION_BITS = 1 << CORRECTS | 1 << ACTION
VOID_BITS = CORRECTION_BITS | 1 << ID


@kernel
def is_complete(stated: int, action: int) -> bool:
    """Return whether a record (but for its id) states what its action needs.

    A void that states more goes to the authority.
    """
    correction = stated & CORRECTION_BITS
    if action == VOID:
        return correction == CORRECTION_BITS and stated & ~VOID_BITS == 0
    return stated & MEASURED_BITS == MEASURED_BITS and (correction == 0 or correction == CORRECTION_BITS)


@kernel
def place_in_registry(catalogue: Any, day: int, text: Array, start: int, length: int) -> int:
    """Return the number of a facility or chip on a day when a fact about it rules, or -1."""
    slots, entries, begins, ends, own_text = catalogue
    place = find_code(slots, entries, own_text, text, start, length)
    if place < 0 or not in_force_on(entries, begins, ends, place, day):
        return -1
    return int(entries[place].number)


@kernel
def blank_row(records: Array, row: int, action: int) -> None:
    """Leave a row of zeros but for its action: all that is measured of a void."""
    records[row].facility = 0
    records[row].chip = 0
    records[row].millicards = 0
    records[row].started = 0
    records[row].ended = 0
    records[row].charge_fen = 0
    records[row].purpose = 0
    records[row].via_platform = False
    records[row].action = action
    code = records[row].consumer_code
    for step in range(18):
        code[step] = 0


@kernel
def day_started(started: int, ended: int) -> int:
    """Return the local day on which a record starts, or -1 where it ends before it starts or spans too long."""
    if ended < started or ended - started > SPAN_SECONDS:
        return -1
    return (started + UTC_PLUS_8_SECONDS) // DAY_SECONDS


@kernel
def leave_to_authority(places: Array, row: int) -> None:
    """Mark a row as not accepted by any kernel, and forget the texts seen in it."""
    places[row].fast = False
    places[row].id_length = -1
    places[row].corrects_length = -1
    places[row].order_length = -1
    places[row].evidence_length = -1
    places[row].event_source_length = -1
