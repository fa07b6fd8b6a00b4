"""Payout runs: what is in one, who proposed and who released it, and the rule in force."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.base import Answer, Body
from api.schemas.page import page_model
from api.schemas.payout import PayoutStatus, Reference
from api.schemas.values import ActorName, Count, Fen, Instant, Name, Note, PositiveNumber, SettlementId, Uscc

RunStatus = Literal["proposed", "released", "rejected", "stopped"]
RunDigest = Annotated[str, Field(examples=[f"sha256:{'0f' * 32}"], description="SHA-256 over what is in the run.")]
Leases = Annotated[Literal["own", "all"], Field(examples=["own"], description="Whose leases need a released run.")]
Limit = Annotated[int | None, Field(examples=[500_000_000])]


class RunProposal(Body):
    """Propose to pay together what of a settlement is ready, or the instructions that are named."""

    settlement: Annotated[SettlementId, Field(examples=["anhui-2026-0001"])]
    instructions: Annotated[list[int] | None, Field(examples=[[1, 2, 3]])] = None
    note: Note | None = None


class RunDecision(Body):
    """Release, reject or stop a run; with `digest`, only if it is the run that was looked at."""

    digest: RunDigest | None = None
    note: Note | None = None


class RunEvent(Answer):
    """What became of a run."""

    event: Literal["approve", "reject", "stop"]
    actor: ActorName
    at: Instant
    note: Annotated[str | None, Field(examples=["已核对"])]


class PayoutRun(Answer):
    """What is to be paid in one go; nothing of it goes out before another hand released it."""

    id: PositiveNumber
    settlement: SettlementId
    status: RunStatus
    instructions: Annotated[Count, Field(examples=[36])]
    sum_fen: Fen
    paid: Annotated[Count, Field(examples=[35], description="How many of them are paid.")]
    changed: Annotated[Count, Field(examples=[0], description="How many are no longer what was released.")]
    digest: RunDigest
    proposed_by: ActorName
    proposed_at: Instant
    note: Annotated[str | None, Field(examples=["第一批"])]
    events: list[RunEvent]


class RunItem(Answer):
    """An instruction in a run, as it was when the run was proposed, and what it is now."""

    instruction: PositiveNumber
    uscc: Uscc
    name: Name
    reference: Reference
    amount_fen: Fen
    status: PayoutStatus
    bank_reference: Annotated[str | None, Field(examples=["B-20260930-17"])]
    unchanged: Annotated[bool, Field(examples=[True])]
    handed_over_as: Annotated[str | None, Field(description="The file that went to the bank.", examples=[None])]
    account_masked: Annotated[str | None, Field(examples=["示例银行合肥分行 ****2222"])]


class RuleProposal(Body):
    """Propose a rule: limits of a run and of a payee in it, and whose leases need a released run."""

    leases: Leases | None = None
    run_limit_fen: Limit = None
    payee_limit_fen: Limit = None
    note: Note | None = None


class RuleConfirmation(Body):
    """Put a rule in force."""

    note: Note | None = None


class PayoutRule(Answer):
    """A rule; it is in force when another hand has confirmed it, until another rule is."""

    id: PositiveNumber
    leases: Leases
    run_limit_fen: Limit
    payee_limit_fen: Limit
    proposed_by: ActorName
    proposed_at: Instant
    note: Annotated[str | None, Field(examples=["财政授权额度"])]
    confirmed_by: ActorName | None
    confirmed_at: Instant | None
    in_force: Annotated[bool, Field(examples=[True])]


RunPage = page_model(PayoutRun)
RunItemPage = page_model(RunItem)
RulePage = page_model(PayoutRule)
