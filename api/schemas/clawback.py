"""Clawbacks: what was paid too much, and how it comes back, by two people."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.base import Answer, Body
from api.schemas.page import page_model
from api.schemas.values import ActorName, Fen, Instant, Note, PositiveNumber, SettlementId, Uscc

ClawbackKind = Literal["offset", "repaid", "waive"]


class ClawbackProposal(Body):
    """Offset against an instruction that is not out yet, book as repaid, or waive."""

    kind: Annotated[ClawbackKind | None, Field(examples=["repaid"])] = None
    amount_fen: Annotated[int | None, Field(examples=[20_000], json_schema_extra={"minimum": 1})] = None
    instruction: Annotated[int | None, Field(json_schema_extra={"minimum": 1})] = None
    note: Annotated[Note | None, Field(examples=["已退回财政专户"])] = None


class ClawbackAnswer(Body):
    """Approve or reject a proposal, by its number."""

    proposal: Annotated[int | None, Field(examples=[1], json_schema_extra={"minimum": 1})] = None
    note: Note | None = None


class Clawback(Answer):
    """What is to come back from an entity."""

    id: PositiveNumber
    settlement: SettlementId
    uscc: Uscc
    amount_fen: Fen
    recovered_fen: Annotated[Fen, Field(examples=[0])]
    status: Literal["open", "settled", "waived"]
    created_at: Instant


class DecidedClawback(Clawback):
    """A clawback after a proposal or an answer, whose number is `event`."""

    event: PositiveNumber


class ClawbackEvent(Answer):
    """What was proposed or decided."""

    id: PositiveNumber
    event: Literal["propose", "approve", "reject"]
    kind: ClawbackKind | None
    amount_fen: Fen | None
    instruction: int | None
    proposal: int | None
    actor: ActorName
    at: Instant
    note: str | None


class ClawbackInFull(Clawback):
    """A clawback with what was proposed and decided."""

    events: list[ClawbackEvent]


ClawbackPage = page_model(ClawbackInFull, "ClawbackPage")
