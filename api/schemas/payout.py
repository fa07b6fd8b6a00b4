"""Payout instructions, what the bank says of them, and what is decided."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.schemas.base import Answer, Body
from api.schemas.page import page_model
from api.schemas.registry import BankAccount
from api.schemas.values import ActorName, Count, Fen, Instant, Note, PositiveNumber, SettlementId, Uscc
from settlement.payout.instructions import CLAIM_MAX

PayoutStatus = Literal[
    "ready", "leased", "submitted", "unknown", "handed_over", "paid", "failed", "returned", "disputed", "offset"
]  # fmt: skip
Reference = Annotated[
    str, Field(examples=["SB-anhui-2026-0001-91340100MA0000001K"], description="Stable across retries.")
]
Worker = Annotated[str | None, Field(examples=["payer-1"])]
Fence = Annotated[int | None, Field(examples=[1], description="The fence of the lease under which it was sent.")]


class ClaimInstructions(Body):
    """Lease instructions to a worker."""

    limit: Annotated[int | None, Field(examples=[10], json_schema_extra={"minimum": 1, "maximum": CLAIM_MAX})] = None
    worker: Annotated[str | None, Field(examples=["payer-1"], json_schema_extra={"minLength": 1, "maxLength": 64})] = (
        None
    )


class PayoutMark(Body):
    """What became of an instruction, with the bank's reference."""

    bank_reference: Annotated[str | None, Field(examples=["B-20260930-17"])] = None
    reference: Annotated[str | None, Field(description="The bank's reference, for short; ours names the issue.")] = None
    worker: Worker = None
    fence: Fence = None
    amount_fen: Annotated[int | None, Field(description="What the bank says it moved; left out: what was due.")] = None
    note: Note | None = None


class PayoutDecision(Body):
    """A person's word."""

    outcome: Annotated[Literal["paid", "failed", "returned"] | None, Field(examples=["paid"])] = None
    note: Annotated[Note | None, Field(examples=["与银行核对"])] = None


class Instruction(Answer):
    """One instruction per line and settlement, ever."""

    id: PositiveNumber
    settlement: SettlementId
    uscc: Uscc
    amount_fen: Fen
    offset_fen: Annotated[Fen, Field(examples=[0])]
    reference: Reference
    status: PayoutStatus
    worker: Annotated[str | None, Field(examples=["payer-1"])]
    fence: Annotated[Count, Field(examples=[1])]
    leased_until: Instant | None
    bank_reference: Annotated[str | None, Field(examples=["B-20260930-17"])]
    handed_over_as: Annotated[str | None, Field(description="The file that went to the bank.", examples=[None])]
    account_masked: Annotated[str | None, Field(examples=["示例银行合肥分行 ****2222"])]
    proposed: Annotated[
        PayoutStatus | None, Field(description="What one person proposes; another person's same word carries it out.")
    ] = None


class LeasedInstruction(Instruction):
    """An instruction as its worker sees it: with the account, and whether the bank may have it already."""

    ask_first: Annotated[bool, Field(examples=[False])]
    first_sent_at: Instant | None
    account: BankAccount | None


class InstructionRefused(Instruction):
    """An instruction that goes to no worker, and why."""

    code: Literal["ACCOUNT_MISSING"]


class ClaimedInstructions(Answer):
    """What was leased, and what waits and cannot be."""

    items: list[LeasedInstruction]
    next: None
    refused: list[InstructionRefused]


class PayoutEvent(Answer):
    """What happened to an instruction."""

    before: PayoutStatus
    after: PayoutStatus
    actor: ActorName
    at: Instant
    fence: Annotated[int | None, Field(examples=[1])]
    reference: Reference
    bank_reference: str | None
    moved_fen: Fen
    detail: Annotated[Any, Field(examples=[{"worker": "payer-1", "lease": 60}])]


InstructionPage = page_model(Instruction)
PayoutEventPage = page_model(PayoutEvent)
