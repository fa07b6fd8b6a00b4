"""What a word about an instruction means for its state and its money; pure, the store says what is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from settlement.errors import NotAllowed

MONEY_WORDS: Final = ("paid", "returned")
OUTCOMES: Final = ("paid", "failed", "returned")
WITH_THE_BANK: Final = ("leased", "submitted", "unknown", "handed_over")
AMOUNT_LIMIT: Final = 2**63


@dataclass(frozen=True)
class Contradiction:
    """What in a word contradicts us; the instruction is disputed then."""

    code: str
    detail: str


@dataclass(frozen=True)
class Step:
    """One event to write: the state that is reached and the fen that moved."""

    after: str
    moved_fen: int


def steps_of(
    row: Mapping[str, Any], word: str, said: Mapping[str, Any], *, earlier: bool, net_fen: int, moved_before: bool
) -> tuple[list[Step], Contradiction | None]:
    """Tell which events a word makes.

    `earlier`: it is about an issue before the present one. `net_fen` and `moved_before` say what moved under the issue
    so far. A return of what we never heard was paid is both: the money went out and came back. Raises NotAllowed:
    AMOUNT_INVALID, AMOUNT_MISSING.
    """
    amount = said.get("amount_fen")
    if word not in OUTCOMES:
        return [Step(word, (amount or 0) if word == "disputed" else 0)], None
    moved = _moved(row, word, amount, earlier=earlier, net_fen=net_fen, moved_before=moved_before)
    contradiction = _contradiction(row, word, amount, said, earlier=earlier)
    if contradiction or row["status"] == "disputed":
        return [Step("disputed", fen) for fen in moved], contradiction
    if word == "returned" and len(moved) > 1:
        return [Step("paid", moved[0]), Step("returned", moved[1])], None
    return [Step(word, fen) for fen in moved], None


def _moved(
    row: Mapping[str, Any], word: str, amount: int | None, *, earlier: bool, net_fen: int, moved_before: bool
) -> list[int]:
    if word == "failed":
        return [0]
    if amount is not None and not 0 < amount < AMOUNT_LIMIT:
        raise NotAllowed("AMOUNT_INVALID", "amount_fen is above 0 and fits 64 bits")
    if amount is None and (earlier or not row["amount_fen"]):
        raise NotAllowed("AMOUNT_MISSING", "say how many fen moved: amount_fen")
    fen = row["amount_fen"] if amount is None else amount
    if word == "paid":
        return [fen]
    return [-fen] if net_fen > 0 or moved_before else [fen, -fen]


def _contradiction(
    row: Mapping[str, Any], word: str, amount: int | None, said: Mapping[str, Any], *, earlier: bool
) -> Contradiction | None:
    status, due = row["status"], row["amount_fen"]
    if earlier:
        return Contradiction("EARLIER_ISSUE", f"{word} is said of an issue that {row['reference']} has replaced")
    by_file = "file" in said
    if status in ("ready", "offset") and row["first_sent_at"] is None:
        # what never went out: a bank that moved money for it contradicts us, a worker's mark is simply refused
        if by_file and word in MONEY_WORDS:
            return Contradiction("NEVER_SENT", f"the bank says {word} of what never went out")
        return None
    if word in MONEY_WORDS and amount is not None and amount != due:
        return Contradiction("WRONG_AMOUNT", f"the instruction pays {due} fen, not {amount}")
    if status in WITH_THE_BANK or status == "disputed" or (status, word) == ("paid", "returned"):
        return None
    if (status, word) == ("paid", "paid"):
        known = row["bank_reference"]
        return Contradiction("OTHER_BANK_REFERENCE", f"it was paid under the bank's reference {known} already")
    return Contradiction("OUTCOME_CHANGED", f"the bank says {word}, but the instruction is {status}")
