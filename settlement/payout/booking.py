"""What is to be written down for a word about an instruction, given all that is known of it; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from settlement.errors import NotAllowed
from settlement.payout.bank_reference import checked_bank_reference
from settlement.payout.words import MONEY_WORDS, OUTCOMES, Contradiction, Step, steps_of


@dataclass(frozen=True)
class Mark:
    """A word about an instruction: what is said, and of which issue (without it, of the present one)."""

    instruction: int
    word: str
    said: Mapping[str, Any] = field(default_factory=dict)
    issue: str | None = None


class Event(NamedTuple):
    """One event to write."""

    instruction: int
    after: str
    said: Mapping[str, Any]
    bank_reference: str | None
    moved_fen: int


class Booked(NamedTuple):
    """What to write, and what in the word contradicts us."""

    events: Sequence[Event]
    contradiction: Contradiction | None


@dataclass(frozen=True)
class Known:
    """What is on record: events of the instructions at hand, and movements under the bank's references at hand."""

    events: Mapping[int, Sequence[Mapping[str, Any]]]
    movements: Mapping[tuple[str, bool], Mapping[str, Any]]
    """(The bank's reference, whether the money went out) -> the movement that stands under it."""

    @classmethod
    def of(cls, events: Iterable[Mapping[str, Any]], movements: Iterable[Mapping[str, Any]]) -> Known:
        """Sort what the store found."""
        by_instruction: dict[int, list[Mapping[str, Any]]] = {}
        for event in events:
            by_instruction.setdefault(event["instruction"], []).append(event)
        return cls(by_instruction, {(one["bank_reference"], one["moved_fen"] > 0): one for one in movements})

    def is_issue(self, instruction: int, reference: str) -> bool:
        """Return whether the instruction had this reference of ours."""
        return any(event["reference"] == reference for event in self.events.get(instruction, ()))

    def moved(self, instruction: int, issue: str) -> tuple[int, bool]:
        """Return what moved under an issue in all, and whether anything did."""
        fen = [one["moved_fen"] for one in self.events.get(instruction, ()) if one["reference"] == issue]
        return sum(fen), any(fen)

    def was_said(self, instruction: int, issue: str, word: str, reference: str | None, amount_fen: int | None) -> bool:
        """Return whether this word is on record about this issue: a no once, money under its reference and amount."""
        return any(
            event["reference"] == issue
            and event["word"] == word
            and (word == "failed" or (event["bank_reference"] == reference and event["amount_fen"] == amount_fen))
            for event in self.events.get(instruction, ())
        )


def booked(row: Mapping[str, Any], mark: Mark, known: Known) -> Booked:
    """Tell what a mark makes, which is nothing where it stands already.

    Raises NotAllowed: NO_SUCH_ISSUE, BANK_REFERENCE_MISSING, BANK_REFERENCE_INVALID, AMOUNT_INVALID, AMOUNT_MISSING.
    """
    word, issue, number = mark.word, mark.issue or row["reference"], row["id"]
    earlier = issue != row["reference"]
    if earlier and not known.is_issue(number, issue):
        raise NotAllowed("NO_SUCH_ISSUE", f"{issue} is no issue of this instruction")
    said = dict(mark.said)
    reference = _reference(row, word, said, earlier)
    if said.get("bank_reference"):
        said["bank_reference"] = reference
    said |= {"word": word, "issue": issue}
    net, moved_before = known.moved(number, issue)
    steps, contradiction = steps_of(row, word, said, earlier=earlier, net_fen=net, moved_before=moved_before)
    if word in OUTCOMES and known.was_said(number, issue, word, reference, said.get("amount_fen")):
        return Booked([], None)
    reached = (steps[0].after, reference) == (row["status"], row["bank_reference"])
    if reached and word not in OUTCOMES and not steps[0].moved_fen:
        return Booked([], None)  # the state is reached, and no money is meant
    events: list[Event] = []
    for wanted in steps:
        step, found = _once(number, issue, wanted, reference, known)
        if step is None:
            continue
        contradiction = contradiction or found
        after = "disputed" if contradiction else step.after
        detail = {**said, "contradiction": contradiction.code} if contradiction else said
        events.append(Event(number, after, detail, reference, step.moved_fen))
    return Booked(events, contradiction if events else None)


def _reference(row: Mapping[str, Any], word: str, said: Mapping[str, Any], earlier: bool) -> str | None:
    """Return the bank's reference that a word stands under: the given one, or the one that is known of the present
    issue."""
    given = said.get("bank_reference")
    if word == "paid" or given is not None:
        return checked_bank_reference(given)
    known: str | None = None if earlier else row["bank_reference"]
    if known is None and (word in MONEY_WORDS or (word == "disputed" and said.get("amount_fen"))):
        return checked_bank_reference(given)
    return known


def _once(
    instruction: int, issue: str, step: Step, reference: str | None, known: Known
) -> tuple[Step | None, Contradiction | None]:
    """Return the step, or what is left of it: a movement of money at the bank is counted once, under one issue."""
    if not step.moved_fen or reference is None:
        return step, None
    stands = known.movements.get((reference, step.moved_fen > 0))
    if stands is None:
        return step, None
    if (stands["instruction"], stands["reference"]) != (instruction, issue):
        what = f"the bank's reference {reference} already stands for another movement of money"
        return Step("disputed", 0), Contradiction("OTHER_BANK_REFERENCE", what)
    if stands["moved_fen"] != step.moved_fen:
        what = f"under {reference} moved {abs(stands['moved_fen'])} fen, now it is {abs(step.moved_fen)}"
        return Step("disputed", 0), Contradiction("WRONG_AMOUNT", what)
    return None, None
