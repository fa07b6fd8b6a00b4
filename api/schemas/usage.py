"""Recorded usage as it is shown: a record's life, the quarantine, totals."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.schemas.base import Answer
from api.schemas.codes import RecordCode
from api.schemas.page import page_model
from api.schemas.receipt import Detail
from api.schemas.usage_record import Charge, Ended, Purpose
from api.schemas.values import (
    Batch,
    ChipName,
    Count,
    Day,
    Digest,
    FacilityName,
    Fen,
    Instant,
    PositiveNumber,
    Quantity,
    RecordId,
    SettlementId,
    Source,
    Uscc,
)  # fmt: skip


class RecordedUse(Answer):
    """A record as it counts: normalised, times in UTC."""

    consumer: Uscc
    facility: FacilityName
    chip: ChipName
    cards: Annotated[str, Field(examples=["2.5"], description="An exact decimal.")]
    started_at: Instant
    ended_at: Ended
    charge_fen: Charge
    purpose: Purpose | None
    via_platform: bool


class Correction(Answer):
    """The other side of a correction."""

    id: Annotated[RecordId | None, Field(examples=["e1"])]
    batch: Batch
    action: Literal["replace", "void"] | None


class KeptTry(Answer):
    """Another version under the same id, or a try that was refused."""

    quarantine: PositiveNumber
    batch: Batch
    status: Literal["conflict", "refused"]
    code: RecordCode
    detail: Detail
    released_in: Annotated[Batch | None, Field(examples=[None], description="The batch in which a replay recorded it.")]


class SettledIn(Answer):
    """A settlement that covers a record."""

    settlement: SettlementId
    status: Annotated[str, Field(examples=["locked"])]


class ShownRecord(Answer):
    """A record's whole life: as received and as recorded, corrections, what else came under its id, settlements."""

    source: Source
    id: RecordId
    batch: Batch
    recorded_at: Instant
    counts: Annotated[bool, Field(description="Whether it counts: it is no void, and nothing corrects it.")]
    record: Annotated[Any, Field(examples=[{"id": "e1", "cards": "2.500"}], description="As it was received.")]
    recorded: Annotated[RecordedUse | None, Field(description="Left out for a void.")] = None
    corrected_by: Correction | None
    corrects: Annotated[Correction | None, Field(examples=[None])]
    quarantine: list[KeptTry]
    settled_in: list[SettledIn]


class QuarantinedRecord(Answer):
    """A record that waits for a person, as it was received."""

    quarantine: PositiveNumber
    batch: Batch
    index: Count
    source: Source
    id: Annotated[str | None, Field(examples=["e9"])]
    status: Literal["conflict", "refused"]
    code: RecordCode
    detail: Detail
    record: Annotated[str, Field(examples=['{"id": "e9", "facility": "hf-99"}'], description="As text.")]
    record_bytes: Count


class UsageTotal(Answer):
    """What one group of records comes to; the columns are those that were asked for in `by`."""

    consumer: Annotated[Uscc | None, Field(examples=["91340100MA0000001K"])] = None
    facility: FacilityName | None = None
    chip: ChipName | None = None
    day: Annotated[Day | None, Field(examples=["2025-09-01"])] = None
    card_hours: Quantity
    charge_fen: Fen
    records: Count


class Recomputed(Answer):
    """All records added up anew, from the archive and the journal, beside the rollup as it is kept."""

    equal: Annotated[bool, Field(description="Whether the rollup is what the records add up to.")]
    as_of: Batch
    sealed_rows: Annotated[Count, Field(description="Rows read from the archive.")]
    tail_rows: Annotated[Count, Field(description="Rows read from the journal, which are not sealed yet.")]
    groups: Count
    digest: Digest
    kept_digest: Digest
    first_difference: Annotated[
        dict[str, Any] | None, Field(examples=[None], description="The first group that the two do not have alike.")
    ]


QuarantinedRecordPage = page_model(QuarantinedRecord)
UsageTotalPage = page_model(UsageTotal)
