"""The kernel that checks the rows of an Arrow table and makes records of the good ones."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from meter.intake.accept import (
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
    day_of,
    is_complete,
    leave_to_authority,
    place_in_registry,
)
from meter.intake.fields import (
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

Array = npt.NDArray[Any]


@numba.njit(cache=True, nogil=True)
def read_row(
    texts: Any,
    starts: Array,
    lengths: Array,
    values: Array,
    numeric: Array,
    facilities: Any,
    chips: Any,
    records: Array,
    places: Array,
    row: int,
) -> bool:
    """Fill one row; False where it must go to the authority.

    By field: texts[f][starts[f, row] :][: lengths[f, row]], or values[f, row] where numeric[f]; length -1: left out.
    """
    stated = 0
    for field in range(14):
        if lengths[field, row] >= 0:
            stated |= 1 << field
    action = 0
    if stated >> ACTION & 1:
        action = action_of_text(texts[ACTION], starts[ACTION, row], lengths[ACTION, row])
        if action < 0:
            return False
    at = places[row]
    at.id = starts[ID, row]
    at.id_length = lengths[ID, row]
    at.corrects = starts[CORRECTS, row]
    at.corrects_length = lengths[CORRECTS, row]
    at.order = starts[ORDER, row]
    at.order_length = lengths[ORDER, row]
    at.evidence = starts[EVIDENCE, row]
    at.evidence_length = lengths[EVIDENCE, row]
    if not is_complete(stated, action) or not is_id(texts[ID], at.id, at.id_length):
        return False
    if action:
        if not is_id(texts[CORRECTS], at.corrects, at.corrects_length):
            return False
        if at.id_length == at.corrects_length and equal(texts[ID], at.id, texts[CORRECTS], at.corrects, at.id_length):
            return False
    if action == 2:
        blank_row(records, row, action)
        return True
    consumer_start = starts[CONSUMER, row]
    if not is_uscc(texts[CONSUMER], consumer_start, lengths[CONSUMER, row]):
        return False
    if at.order_length >= 0 and not is_plain_text(texts[ORDER], at.order, at.order_length, TEXT_CHARACTERS):
        return False
    if at.evidence_length >= 0 and not is_evidence(texts[EVIDENCE], at.evidence, at.evidence_length):
        return False
    purpose = 0
    if stated >> PURPOSE & 1:
        purpose = purpose_of_text(texts[PURPOSE], starts[PURPOSE, row], lengths[PURPOSE, row])
    if numeric[CARDS]:
        millicards = values[CARDS, row]
    else:
        millicards = millicards_of_text(texts[CARDS], starts[CARDS, row], lengths[CARDS, row])
    if numeric[STARTED]:
        started = values[STARTED, row]
    else:
        started = seconds_of(texts[STARTED], starts[STARTED, row], lengths[STARTED, row])
    if numeric[ENDED]:
        ended = values[ENDED, row]
    else:
        ended = seconds_of(texts[ENDED], starts[ENDED, row], lengths[ENDED, row])
    charge_fen = values[CHARGE, row]
    if (purpose | millicards | started | ended | charge_fen) < 0:
        return False
    day = day_of(started, ended)
    if day < 0:
        return False
    facility = place_in_registry(facilities, day, texts[FACILITY], starts[FACILITY, row], lengths[FACILITY, row])
    chip = place_in_registry(chips, day, texts[CHIP], starts[CHIP, row], lengths[CHIP, row])
    if facility < 0 or chip < 0:
        return False
    record = records[row]
    record.facility = facility
    record.chip = chip
    record.millicards = millicards
    record.started = started
    record.ended = ended
    record.charge_fen = charge_fen
    record.purpose = purpose
    record.via_platform = values[VIA_PLATFORM, row] != 0 if stated >> VIA_PLATFORM & 1 else True
    record.action = action
    code = record.consumer_code
    for step in range(18):
        code[step] = texts[CONSUMER][consumer_start + step]
    return True


@numba.njit(cache=True, nogil=True)
def read_rows(
    texts: Any,
    starts: Array,
    lengths: Array,
    values: Array,
    numeric: Array,
    strange: Array,
    facilities: Any,
    chips: Any,
    records: Array,
    places: Array,
) -> None:
    """Fill every row that is good; the others, and the strange ones, are left to the authority."""
    for row in range(records.size):
        places[row].fast = True
        if strange[row] or not read_row(
            texts, starts, lengths, values, numeric, facilities, chips, records, places, row
        ):
            leave_to_authority(places, row)
