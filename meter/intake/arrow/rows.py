"""The kernels that check the columns of an Arrow table, one field at a time, and make records of the good rows.

A column comes as text[starts[row] :][: lengths[row]], length -1 where the cell is null. A row stays `good` while every
field of it is what the authority accepts; `stated` gathers which fields it has.
"""

from typing import Any, NamedTuple

from meter.intake.kernels.accept import blank_row, day_started, is_complete, leave_to_authority
from meter.intake.kernels.fields import (
    action_of_text,
    equal,
    is_evidence,
    is_id,
    is_plain_text,
    is_uscc,
    millicards_of_text,
    purpose_of_text,
    seconds_of,
)
from meter.intake.limits import TEXT_CHARACTERS
from meter.intake.registry_view.catalogue import find_code, in_force_on
from meter.kernels.kernel import Array, kernel
from meter.vocabulary import VOID


class Cells(NamedTuple):
    """What was read of a table, one value for each row: which fields it states, whether they are good, and what they
    say; then the texts that the places of ids and corrected ids point into."""

    stated: Array
    good: Array
    millicards: Array
    started: Array
    ended: Array
    charge_fen: Array
    facility_entries: Array
    chip_entries: Array
    id_text: Array
    corrects_text: Array


@kernel
def note_stated(lengths: Array, field: int, stated: Array) -> None:
    """Note which rows state a field."""
    for row in range(lengths.size):
        if lengths[row] >= 0:
            stated[row] |= 1 << field


@kernel
def check_ids(text: Array, starts: Array, lengths: Array, good: Array) -> None:
    """Record ids."""
    for row in range(lengths.size):
        if lengths[row] >= 0 and not is_id(text, starts[row], lengths[row]):
            good[row] = False


@kernel
def check_orders(text: Array, starts: Array, lengths: Array, good: Array) -> None:
    """Check order numbers."""
    for row in range(lengths.size):
        if lengths[row] >= 0 and not is_plain_text(text, starts[row], lengths[row], TEXT_CHARACTERS):
            good[row] = False


@kernel
def check_evidence(text: Array, starts: Array, lengths: Array, good: Array) -> None:
    """Check evidence digests."""
    for row in range(lengths.size):
        if lengths[row] >= 0 and not is_evidence(text, starts[row], lengths[row]):
            good[row] = False


@kernel
def read_consumers(text: Array, starts: Array, lengths: Array, good: Array, codes: Array) -> None:
    """Check and copy the unified social credit codes."""
    for row in range(lengths.size):
        if lengths[row] >= 0:
            start = starts[row]
            if is_uscc(text, start, lengths[row]):
                for step in range(18):
                    codes[row, step] = text[start + step]
            else:
                good[row] = False


@kernel
def find_codes(catalogue: Any, text: Array, starts: Array, lengths: Array, good: Array, entries: Array) -> None:
    """Find the places of facilities or chips in their catalogue."""
    slots, known, _, _, own_text = catalogue
    for row in range(lengths.size):
        if lengths[row] >= 0:
            entries[row] = find_code(slots, known, own_text, text, starts[row], lengths[row])
            if entries[row] < 0:
                good[row] = False


@kernel
def read_cards(text: Array, starts: Array, lengths: Array, values: Array) -> None:
    """Read thousandths of cards written as decimal strings; -1 where the authority decides."""
    for row in range(lengths.size):
        if lengths[row] >= 0:
            values[row] = millicards_of_text(text, starts[row], lengths[row])


@kernel
def read_instants(text: Array, starts: Array, lengths: Array, values: Array) -> None:
    """Read the epoch seconds of RFC 3339 texts; -1 where the authority decides."""
    for row in range(lengths.size):
        if lengths[row] >= 0:
            values[row] = seconds_of(text, starts[row], lengths[row])


@kernel
def read_purposes(text: Array, starts: Array, lengths: Array, good: Array, purposes: Array) -> None:
    """Read purpose codes."""
    for row in range(lengths.size):
        if lengths[row] >= 0:
            purposes[row] = purpose_of_text(text, starts[row], lengths[row])
            if purposes[row] < 0:
                good[row] = False


@kernel
def read_actions(text: Array, starts: Array, lengths: Array, good: Array, actions: Array) -> None:
    """Read action codes."""
    for row in range(lengths.size):
        if lengths[row] >= 0:
            actions[row] = action_of_text(text, starts[row], lengths[row])
            if actions[row] < 0:
                good[row] = False


@kernel
def make_records(cells: Cells, facilities: Any, chips: Any, records: Array, places: Array) -> None:
    """Complete the rows that agree with themselves and the registry; the others are left to the authority.

    Actions, purposes, via_platform, consumer codes and text places stand in records and places already.
    """
    stated, good, millicards, started, ended, charge_fen, facility_entries, chip_entries, id_text, corrects_text = cells
    _, known_facilities, facility_begins, facility_ends, _ = facilities
    _, known_chips, chip_begins, chip_ends, _ = chips
    for row in range(records.size):
        record = records[row]
        at = places[row]
        at.fast = True
        action = record.action
        if (
            not good[row]
            or at.id_length < 0
            or not is_complete(stated[row], action)
            or (
                action != 0
                and at.id_length == at.corrects_length
                and equal(id_text, at.id, corrects_text, at.corrects, at.id_length)
            )
        ):
            leave_to_authority(places, row)
            continue
        if action == VOID:
            blank_row(records, row, action)
            continue
        day = day_started(started[row], ended[row])
        if (
            (started[row] | ended[row] | millicards[row] | charge_fen[row]) < 0
            or day < 0
            or not in_force_on(known_facilities, facility_begins, facility_ends, facility_entries[row], day)
            or not in_force_on(known_chips, chip_begins, chip_ends, chip_entries[row], day)
        ):
            leave_to_authority(places, row)
            continue
        record.facility = known_facilities[facility_entries[row]].number
        record.chip = known_chips[chip_entries[row]].number
        record.millicards = millicards[row]
        record.started = started[row]
        record.ended = ended[row]
        record.charge_fen = charge_fen[row]
