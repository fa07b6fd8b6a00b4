"""The last step of every format: the authority's verdict on what no kernel accepted, digests, party numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from meter.intake.codes import RecordRefused
from meter.intake.received import CODES, Document, Received, Refusal, Texts
from meter.intake.record.digests import (
    EVENT_SOURCE_SALT,
    EVIDENCE_SALT,
    LOW_HALF,
    ORDER_SALT,
    digest_of,
    key_of,
    mark_of_source,
    salt_of_source,
)
from meter.intake.record.usage_record import ID, Checked, Pairs, Value
from meter.intake.registry_view.registered import Registered
from meter.kernels.text_digests import AS_WRITTEN, LOWER_HEX, digest_texts, initial_state, keep_first_half

Array = npt.NDArray[Any]
NO_TEXT = np.zeros(0, np.uint8)
NUMBER = {code: number for number, code in enumerate(CODES, 1)}


@dataclass(frozen=True, slots=True)
class Found:
    """What a format found in a body: rows of `columns.RECORD` and `columns.PLACE`, filled where `fast` is set.

    `value_of` reads one record for the authority, by its row; `judge` is the authority on records or on events.
    """

    records: Array
    places: Array
    # the u1 buffers that the places of id, corrects, order and evidence point into; in `spare` lie the orders whose
    # place is beyond the end of their buffer
    texts: dict[str, Array]
    document: Document
    value_of: Callable[[int], Value]
    judge: Callable[[Value, Registered], Checked]


def finish(found: Found, registered: Registered, source_number: int) -> Received:
    """Return the batch with every record either checked or refused."""
    records, places = found.records, found.places
    count = len(records)
    codes = np.zeros(count, np.uint8)
    refused: list[Refusal] = []
    ids: dict[int, str] = {}
    records["index"] = np.arange(count, dtype=np.int32)
    fill_digests(found, source_number)
    for row in np.flatnonzero(~places["fast"]).tolist():
        value: Value = None
        try:
            value = found.value_of(row)
            checked = found.judge(value, registered)
        except RecordRefused as refusal:
            codes[row] = NUMBER[refusal.code]
            refused.append(Refusal(row, id_of(value), refusal.code, refusal.detail, found.document))
            continue
        write(records, row, checked, source_number)
        ids[row] = checked.id
    if refused:
        records = records[codes == 0]
    named = records["action"] != 2
    if len(records):
        numbers = registered.parties.numbers_of(records, "consumer_code")
        records["consumer"] = np.where(named, numbers, 0)
    return Received(
        received=count,
        records=records,
        refused=tuple(refused),
        codes=codes,
        document=found.document,
        id_texts=Texts(found.texts["id"], places["id"], places["id_length"], ids),
    )


def fill_digests(found: Found, source_number: int) -> None:
    """Fill in the keys and digests of the rows a kernel accepted.

    The authority's rows get zeros here and their own later.
    """
    records, places = found.records, found.places
    salt = salt_of_source(source_number)
    records["key"] = digests_of("id", found, salt).view(np.uint8)
    records["corrects"] = digests_of("corrects", found, salt).view(np.uint8)
    lengths = places["order_length"]
    keep_first_half(digests_of("order", found, ORDER_SALT), lengths, records["order_digest"])
    lengths = places["evidence_length"]
    keep_first_half(digests_of("evidence", found, EVIDENCE_SALT), lengths, records["evidence_digest"])
    lengths = places["event_source_length"]
    stated = lengths >= 0
    if stated.any():
        marks = np.zeros(len(records), np.int64)
        keep_first_half(digests_of("event_source", found, EVENT_SOURCE_SALT), lengths, marks)
        marks &= ~LOW_HALF
        records["event_source"] = np.where(stated & (marks == 0), LOW_HALF + 1, marks)


def digests_of(name: str, found: Found, salt: bytes) -> npt.NDArray[np.uint32]:
    """Return (n, 4) uint32 digests of one text of every row, zeros where there is none."""
    # contiguous, so that the kernel sees one type of array
    starts, lengths = found.places[name].copy(), found.places[name + "_length"].copy()
    digests = np.zeros((len(lengths), 4), np.uint32)
    buffer = found.texts[name]
    spare = found.texts.get("spare", NO_TEXT)
    case = LOWER_HEX if name == "evidence" else AS_WRITTEN
    if name == "order" and spare.size:
        apart = starts >= buffer.size
        apart_lengths = np.where(apart, lengths, np.int32(-1))
        digest_texts(spare, starts - buffer.size, apart_lengths, initial_state(salt), case, digests)
        lengths = np.where(apart, np.int32(-1), lengths)
    digest_texts(buffer, starts, lengths, initial_state(salt), case, digests)
    return digests


def write(records: Array, row: int, checked: Checked, source_number: int) -> None:
    """Write one record that the authority accepted as a row."""
    records[row] = (
        row,
        0,
        checked.facility,
        checked.chip,
        checked.millicards,
        checked.started,
        checked.ended,
        checked.charge_fen,
        digest_of(checked.order, ORDER_SALT),
        digest_of(checked.evidence, EVIDENCE_SALT),
        mark_of_source(checked.event_source),
        list(key_of(checked.id, source_number)),
        list(key_of(checked.corrects, source_number) if checked.corrects else bytes(16)),
        list(checked.consumer.encode().ljust(18, b"\0")),
        checked.purpose,
        checked.via_platform,
        checked.action,
    )


def id_of(value: Value) -> str | None:
    """Return the id of a refused record or event, where it can be read and is well-formed."""
    if isinstance(value, Pairs):
        for name, item in value:
            if name == "id":
                return item if isinstance(item, str) and ID.fullmatch(item) else None
    return None
