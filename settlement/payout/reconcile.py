"""Holding the bank's statements against what was booked: what agrees, what is explained, what does not agree; pure.

A movement of money stands under one reference of the bank; a line is matched by it, else by our own reference in its
text. Statements may overlap: a line that two of them state is one, a line that one of them states twice is two.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

KINDS: Final = (
    "not_on_statement", "not_booked", "amount_differs", "moved_twice", "unexplained", "with_the_bank",
    "repaid_not_on_statement",
)  # fmt: skip
"""What a difference is: booked and not stated; stated and not booked; stated otherwise; and so on."""


@dataclass(frozen=True)
class Books:
    """What was booked: movements, payments with the bank, clawbacks that are booked as repaid."""

    movements: Sequence[Mapping[str, Any]]
    """instruction, settlement, reference, bank_reference, moved_fen, day."""
    waiting: Sequence[Mapping[str, Any]]
    """instruction, settlement, reference, amount_fen, status, day."""
    repaid: Sequence[Mapping[str, Any]]
    """claim, settlement, uscc, amount_fen, day."""


@dataclass
class Reconciled:
    """How many agree, what was explained by people, and every difference, the oldest first."""

    matched: int = 0
    explained: int = 0
    repeated: int = 0
    """Lines that an earlier statement stated already."""
    differences: list[dict[str, Any]] = field(default_factory=list)


def reconciled(books: Books, lines: Sequence[Mapping[str, Any]], today: date, covered_to: date | None) -> Reconciled:
    """Compare. `covered_to` is the last day that statements speak of: what was booked after it is still to come.

    A line has statement, ordinal, booked_on, moved_fen, bank_reference, reference, said, counterparty, and `kind`,
    `claim` and `note` where a person explained it.
    """
    found = Reconciled()
    once, found.repeated = _once(lines)
    by_bank = {(one["bank_reference"], one["moved_fen"] > 0): one for one in books.movements}
    by_ours: dict[tuple[str, bool], list[Mapping[str, Any]]] = defaultdict(list)
    for one in books.movements:
        by_ours[one["reference"], one["moved_fen"] > 0].append(one)
    met: set[int] = set()
    repaid: Counter[int] = Counter()
    for line in once:
        out = line["moved_fen"] > 0
        movement = by_bank.get((line["bank_reference"], out))
        if movement is None:
            movement = next((one for one in by_ours[line["reference"], out] if id(one) not in met), None)
        if movement is not None and id(movement) not in met and movement["moved_fen"] == line["moved_fen"]:
            met.add(id(movement))
            found.matched += 1
        elif line.get("kind"):
            found.explained += 1
            if line["kind"] == "repaid":
                repaid[line["claim"]] -= line["moved_fen"]
        else:
            found.differences.append(_of_line(line, movement, id(movement) in met, today))
            if movement is not None:
                met.add(id(movement))
    found.differences += [
        _difference("not_on_statement", one, one["moved_fen"], one["day"], today)
        for one in books.movements
        if id(one) not in met and covered_to is not None and one["day"] <= covered_to
    ]
    found.differences += [
        _difference("with_the_bank", one, one["amount_fen"], one["day"], today) for one in books.waiting
    ]
    for one in books.repaid:
        covered = min(one["amount_fen"], repaid[one["claim"]])
        repaid[one["claim"]] -= covered
        if covered < one["amount_fen"] and covered_to is not None and one["day"] <= covered_to:
            left = one["amount_fen"] - covered
            found.differences.append(_difference("repaid_not_on_statement", one, -left, one["day"], today))
    found.differences.sort(key=lambda one: (-one["age_days"], one["kind"]))
    return found


def _once(lines: Sequence[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], int]:
    """The lines without those that an earlier statement stated already, and how many those are.

    A line that a person explained stands for its repeats, whichever statement it is of.
    """
    per_statement: dict[tuple[Any, ...], dict[int, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        key = (line["booked_on"], line["moved_fen"], line["bank_reference"], line["said"])
        per_statement[key][line["statement"]].append(line)
    kept: list[Mapping[str, Any]] = []
    for of in per_statement.values():
        most = max(len(same) for same in of.values())
        every = sorted((line for same in of.values() for line in same), key=lambda line: not line.get("kind"))
        kept += every[:most]
    kept.sort(key=lambda line: (line["statement"], line["ordinal"]))
    return kept, len(lines) - len(kept)


def _of_line(line: Mapping[str, Any], movement: Mapping[str, Any] | None, met: bool, today: date) -> dict[str, Any]:
    if movement is None:
        kind = "not_booked" if line["reference"] else "unexplained"
    elif met:
        kind = "moved_twice"
    else:
        kind = "amount_differs"
    about = {**(movement or {}), **{name: line[name] for name in ("statement", "ordinal", "said", "counterparty")}}
    about["bank_reference"] = line["bank_reference"]
    about["reference"] = line["reference"] or about.get("reference")
    return _difference(kind, about, line["moved_fen"], line["booked_on"], today) | {
        "booked_fen": None if movement is None else movement["moved_fen"]
    }


def _difference(kind: str, about: Mapping[str, Any], fen: int, day: date, today: date) -> dict[str, Any]:
    names = ("settlement", "instruction", "claim", "reference", "bank_reference", "status", "statement", "ordinal",
             "counterparty", "said")  # fmt: skip
    return {
        "kind": kind, "fen": fen, "booked_fen": None, "day": day.isoformat(), "age_days": max(0, (today - day).days),
        **{name: about.get(name) for name in names},
    }  # fmt: skip
