"""Findings: what a reviewer should look at, with the records that prove it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.base import Answer
from api.schemas.page import page_model
from api.schemas.values import Batch, ChipName, Count, FacilityName, Instant, PositiveNumber, SettlementId, Uscc

FindingKind = Literal["above_capacity", "metered_twice", "ring", "price_stray"]


class RecordPlace(Answer):
    """Where a record stands in the journal."""

    batch: Batch
    ordinal: Count


class Finding(Answer):
    """One finding; what `found` and `expected` count, its kind says."""

    id: PositiveNumber
    settlement: SettlementId
    kind: FindingKind
    facility: FacilityName | None
    chip: ChipName | None
    consumer: Uscc | None
    parties: Annotated[list[str], Field(examples=[[]])]
    started_at: Instant | None
    ended_at: Instant | None
    found: Annotated[int | None, Field(examples=[1_200_000])]
    expected: Annotated[int | None, Field(examples=[1_024_000])]
    records: list[RecordPlace]


class FindingCounts(Answer):
    """How many findings of each kind there are."""

    above_capacity: Annotated[Count, Field(examples=[0])]
    metered_twice: Annotated[Count, Field(examples=[0])]
    ring: Annotated[Count, Field(examples=[0])]
    price_stray: Annotated[Count, Field(examples=[2])]


class Sweep(Answer):
    """The outcome of looking for findings."""

    settlement: SettlementId
    findings: FindingCounts


FindingPage = page_model(Finding)
