"""The bank's statements, by whoever: one door for keys over HTTP and for people in the console."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine

from api.actions.actor import LARGEST, Actor, require_of_the_province, require_texts
from api.http.errors import refusal
from api.http.problem import Problem
from meter.audit.store import note_refusal
from settlement.errors import NotAllowed
from settlement.payout.statement_file import mapping_named, read_mapping
from settlement.payout.statements import explain, import_statement
from settlement.vocabulary import NOTE_KINDS

STATEMENT_SCOPE: Final = "payout:run"
NAME_MAX: Final = 200


async def take_in(
    engine: AsyncEngine, hand: Actor, name: str, mapping: str, raw: bytes, *, own: str = ""
) -> dict[str, Any]:
    """Import a statement under a mapping that there is, or the text of one of its own; it. Raises Problem."""
    require_of_the_province(hand, STATEMENT_SCOPE)
    if not 1 <= len(name) <= NAME_MAX or not name.isprintable():
        raise Problem(400, "out_of_range", f"name has 1 to {NAME_MAX} printable characters")
    try:
        chosen = read_mapping(own) if own else mapping_named(mapping)
        return await import_statement(engine, name, raw, chosen, actor=hand.actor)
    except NotAllowed as error:
        await note_refusal(engine, hand.actor, "bank_statement.import", name, error.code)
        raise refusal(error.code, error.detail) from None


async def say(
    engine: AsyncEngine, hand: Actor, place: tuple[int, int], kind: str, claim: int | None, note: str
) -> None:
    """Say what a line (statement, ordinal) is. Raises Problem."""
    require_of_the_province(hand, STATEMENT_SCOPE)
    require_texts({"note": note})
    statement, ordinal = place
    if kind not in NOTE_KINDS or not note.strip():
        raise Problem(400, "bad_request", f"kind is one of {', '.join(NOTE_KINDS)}, and note says why")
    if (kind == "repaid") != (claim is not None):
        raise Problem(400, "bad_request", "a repayment, and nothing else, names its clawback: claim")
    if not (0 < statement < LARGEST and 0 < ordinal < 2**31 and 0 < (claim or 1) < LARGEST):
        raise Problem(404, "NO_SUCH_LINE", "the statement has no such line")
    try:
        await explain(engine, statement, ordinal, kind=kind, claim=claim, note=note, actor=hand.actor)
    except NotAllowed as error:
        await note_refusal(engine, hand.actor, "bank_statement.explain", f"{statement}/{ordinal}", error.code)
        raise refusal(error.code, error.detail) from None
