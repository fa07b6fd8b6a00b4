"""Usage records as they are sent. The intake reads them, record by record; here they are only described."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from api.schemas.base import Body
from api.schemas.values import ChipName, FacilityName, Instant, RecordId, Uscc
from meter.intake.limits import CHARGE_FEN, EVIDENCE_CHARACTERS, TEXT_CHARACTERS

Cards = Annotated[
    int | Annotated[str, Field(pattern=r"^(0|[1-9][0-9]*)(\.[0-9]{1,3})?$")],
    Field(examples=["2.5"], description="Accelerator cards held, above 0, at most 3 decimals."),
]
Charge = Annotated[
    int, Field(examples=[1250000], ge=0, le=CHARGE_FEN, description="Fen, after discounts, without VAT.")
]
Purpose = Literal["research", "commercial"]
Corrected = Annotated[RecordId, Field(examples=["e0"], description="The record that this one corrects.")]
Ended = Annotated[Instant, Field(examples=["2025-09-01T09:00:00+08:00"])]


class UsageRecord(Body):
    """A piece of use: who held which cards, where, for how long, and what was charged."""

    model_config = ConfigDict(json_schema_extra={"dependentRequired": {"corrects": ["action"], "action": ["corrects"]}})

    id: RecordId
    consumer: Uscc
    facility: FacilityName
    chip: ChipName
    cards: Cards
    started_at: Instant
    ended_at: Ended
    charge_fen: Charge
    purpose: Annotated[Purpose | None, Field(examples=["research"])] = None
    via_platform: Annotated[bool, Field(description="Ordered through the platform's unified entrance.")] = True
    order: Annotated[str | None, Field(examples=["O-2025-17"], max_length=TEXT_CHARACTERS)] = None
    evidence: Annotated[
        str | None, Field(examples=["9f86d081"], max_length=EVIDENCE_CHARACTERS, pattern="^[0-9A-Fa-f]*$")
    ] = None
    corrects: RecordId | None = None
    action: Literal["replace", "void"] | None = None


class VoidRecord(Body):
    """A record that takes another back; what else it says is not needed."""

    id: Annotated[RecordId, Field(examples=["e2"])]
    corrects: Corrected
    action: Literal["void"]
    consumer: Uscc | None = None
    facility: FacilityName | None = None
    chip: ChipName | None = None
    cards: Cards | None = None
    started_at: Instant | None = None
    ended_at: Ended | None = None
    charge_fen: Charge | None = None
    purpose: Purpose | None = None
    via_platform: bool = True
    order: Annotated[str | None, Field(max_length=TEXT_CHARACTERS)] = None
    evidence: Annotated[str | None, Field(max_length=EVIDENCE_CHARACTERS, pattern="^[0-9A-Fa-f]*$")] = None


class CloudEvent(Body):
    """CloudEvents 1.0; the record is its `data`, whose id is the event's."""

    model_config = ConfigDict(extra="allow")

    specversion: Literal["1.0"]
    id: RecordId
    source: Annotated[str, Field(examples=["/dispatch"])]
    type: Annotated[str, Field(examples=["suanbu.usage"])]
    data: Annotated[dict[str, Any], Field(examples=[{}], description="A usage record; its id may be left out.")]
