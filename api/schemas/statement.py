"""The bank's statements, and how they agree with what was booked."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.schemas.base import Answer, Body
from api.schemas.page import page_model
from api.schemas.payout import PayoutStatus
from api.schemas.values import ActorName, Count, Day, Fen, Instant, Note, PositiveNumber, SettlementId, Sha256

DifferenceKind = Literal[
    "not_on_statement", "not_booked", "amount_differs", "moved_twice", "unexplained", "with_the_bank",
    "repaid_not_on_statement",
]  # fmt: skip
NoteKind = Annotated[Literal["repaid", "fee", "interest", "transfer", "other"], Field(examples=["fee"])]
Text = Annotated[str | None, Field(examples=["手续费"])]


class Statement(Answer):
    """A statement of the bank."""

    id: PositiveNumber
    name: Annotated[str, Field(examples=["2026-11.xlsx"])]
    mapping: Annotated[str, Field(examples=["standard"])]
    lines: Annotated[Count, Field(examples=[37])]
    paid_fen: Fen
    received_fen: Fen
    sha256: Sha256
    first_day: Day
    last_day: Day
    imported_by: ActorName
    imported_at: Instant


class ImportedStatement(Statement):
    """A statement that was just imported."""

    skipped: Annotated[Count, Field(examples=[1], description="Rows that are no movement: blank ones and totals.")]


class LineNote(Body):
    """What a line of a statement is."""

    kind: NoteKind
    claim: Annotated[int | None, Field(description="The clawback that was repaid.")] = None
    note: Note


class Explained(Answer):
    """The line that was explained."""

    statement: PositiveNumber
    ordinal: PositiveNumber
    kind: NoteKind


class BankDifference(Answer):
    """What does not agree: a payment, a line of a statement, or both."""

    kind: DifferenceKind
    fen: Annotated[Fen, Field(description="Paid out above 0, received below.")]
    booked_fen: int | None
    day: Day
    age_days: Annotated[Count, Field(examples=[3])]
    settlement: SettlementId | None
    instruction: int | None
    claim: int | None
    reference: Text
    bank_reference: Text
    status: PayoutStatus | None
    statement: int | None
    ordinal: int | None
    counterparty: Text
    said: Text


class SettlementSums(Answer):
    """What of a settlement was due, paid, offset and is open; and what came back of its clawbacks."""

    settlement: SettlementId
    payments: Count
    done: Count
    due_fen: Fen
    paid_fen: Fen
    offset_fen: Fen
    open_fen: Fen
    claimed_fen: Fen
    repaid_fen: Fen
    claim_offset_fen: Fen
    waived_fen: Fen
    claim_open_fen: Fen


class BankReconciliation(Answer):
    """How the statements agree with the books."""

    covered_to: Day | None
    matched: Annotated[Count, Field(examples=[36])]
    explained: Annotated[Count, Field(examples=[1])]
    repeated: Annotated[Count, Field(examples=[0], description="Lines that an earlier statement stated already.")]
    differences: list[BankDifference]
    settlements: list[SettlementSums]


StatementPage = page_model(Statement)
CSV_OR_XLSX: dict[str, dict[str, Any]] = {
    "text/csv": {"type": "string", "format": "binary"},
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": {"type": "string", "format": "binary"},
    "application/octet-stream": {"type": "string", "format": "binary"},
}
