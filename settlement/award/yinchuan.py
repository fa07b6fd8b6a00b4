"""The Yinchuan draft (articles 5, 9, 14 and the two rules on doubling): what-if awards of applications."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any, NoReturn

import polars as pl

from meter.days import day_number
from meter.uscc import is_uscc
from settlement.errors import SettlementRefused
from settlement.inputs.frames import Inputs
from settlement.inputs.timeline import timeline
from settlement.numbers.exact import exact_day, exact_number, whole_number
from settlement.rounds import Round
from settlement.rounds.reason_codes import FLAG_BIT, REASON_BIT

COMMON = {"id", "consumer", "article", "from", "to", "cost_fen", "cost_ref", "other_municipal"}
FIELDS: Mapping[str, frozenset[str]] = {
    "5": frozenset(COMMON | {"kwh", "pue"}),
    "9": frozenset(COMMON | {"model", "parameters", "scenes", "landed"}),
    "14": frozenset(COMMON | {"honour", "already_received"}),
}


@dataclass(frozen=True)
class DraftItem:
    """How one application came to its fen: `measure` is its cost in fen, or its kWh under article 5."""

    id: str
    article: str
    measure: Fraction
    clause_fen: int
    reasons: tuple[str, ...]
    other: tuple[int, bool] | None
    paid_before_fen: int
    fen: int


@dataclass
class DraftLine:
    """What an applicant would get: its items in order of id, reasons and flags as bits."""

    items: list[DraftItem] = field(default_factory=list)
    reasons: int = 0
    flags: int = 0


def apply_draft(inputs: Inputs, of_round: Round) -> dict[int, DraftLine]:
    """Return all applications in order of id, by party. SettlementRefused: APPLICATION_INVALID, TOTAL_TOO_LARGE."""
    applications = sorted((_Application(item, inputs) for item in inputs.applications), key=lambda item: item.id)
    for one, next_one in pairwise(applications):
        if one.id == next_one.id:
            raise SettlementRefused("APPLICATION_INVALID", f"the application '{one.id}' occurs twice")
    drafting = _Drafting(inputs, of_round)
    for application in applications:
        drafting.take(application)
    return drafting.lines


class _Application:
    """One application, checked."""

    def __init__(self, given: Mapping[str, Any], inputs: Inputs) -> None:
        self.given = {name: value for name, value in given.items() if value is not None}  # null: not stated
        self.id = self._text("id")
        article = self.given.get("article")
        self.article = str(article) if isinstance(article, (str, int)) else ""
        if self.article not in FIELDS:
            raise SettlementRefused(
                "APPLICATION_INVALID", f"application '{self.id}': the draft pays articles 5, 9 and 14"
            )
        unknown = sorted(map(str, set(self.given) - FIELDS[self.article]))
        if unknown:
            raise SettlementRefused("APPLICATION_INVALID", f"application '{self.id}': unknown field '{unknown[0]}'")
        self.consumer = self._text("consumer")
        if not is_uscc(self.consumer):
            self._wrong("consumer", "a unified social credit code")
        at = inputs.parties["uscc"].search_sorted(self.consumer)
        if at >= inputs.parties.height or inputs.parties["uscc"][int(at)] != self.consumer:
            raise SettlementRefused(
                "APPLICATION_INVALID", f"application '{self.id}': unknown consumer '{self.consumer}'"
            )
        self.party = int(at)
        self.from_day, self.to_day = self._day("from"), self._day("to")
        if self.from_day >= self.to_day:
            raise SettlementRefused("APPLICATION_INVALID", f"application '{self.id}': 'from' must lie before 'to'")
        self.cost_fen = self._whole("cost_fen") if "cost_fen" in self.given else None
        self.cost_ref = self._text("cost_ref") if "cost_ref" in self.given else None
        self.other: tuple[int, bool] | None = None
        if self.given.get("other_municipal") is not None:
            other = self.given["other_municipal"]
            if (
                not isinstance(other, Mapping)
                or set(other) != {"amount_fen", "paid"}
                or whole_number(other["amount_fen"]) is None
                or not isinstance(other["paid"], bool)
            ):
                self._wrong("other_municipal", "an amount_fen and whether it is paid")
            self.other = int(other["amount_fen"]), bool(other["paid"])

    def _wrong(self, name: str, wanted: str) -> NoReturn:
        shown, identity = (repr(self.given.get(field))[:80] for field in (name, "id"))
        raise SettlementRefused(
            "APPLICATION_INVALID", f"application {identity}: '{name}' must be {wanted}, not {shown}"
        )

    def _text(self, name: str) -> str:
        value = self.given.get(name)
        if not isinstance(value, str) or not value:
            self._wrong(name, "a text")
        return str(value)

    def _day(self, name: str) -> int:
        day = exact_day(self.given.get(name))
        if day is None:
            self._wrong(name, "a date YYYY-MM-DD")
        return day_number(day)

    def _whole(self, name: str) -> int:
        value = whole_number(self.given.get(name))
        if value is None:
            self._wrong(name, "a whole number, not below 0")
        return value

    def number(self, name: str) -> Fraction:
        """Return an exact number, a decimal string or a whole number, not below 0."""
        value = exact_number(self.given.get(name))
        if value is None:
            self._wrong(name, "an exact number")
        return value

    def truth(self, name: str, *, default: bool = False) -> bool:
        """Return a boolean, `default` where it is left out."""
        value = self.given.get(name, default)
        if not isinstance(value, bool):
            self._wrong(name, "true or false")
        return bool(value)


class _Drafting:
    """The state that applications share: models paid once, costs paid at most once."""

    def __init__(self, inputs: Inputs, of_round: Round) -> None:
        self.inputs = inputs
        self.round = of_round
        self.lines: dict[int, DraftLine] = {}
        self.models: set[str] = set()
        self.paid: dict[tuple[int, str | None, str], int] = {}
        facts = inputs.entity_facts
        self.entities = timeline(facts, facts["party"].to_numpy().astype("int64"), inputs.parties.height)

    def take(self, application: _Application) -> None:
        """Pay one application: gates, amount, Y-HIGHER, then Y-STACK."""
        line = self.lines.setdefault(application.party, DraftLine())
        measure = application.number("kwh") if application.article == "5" else Fraction(self._cost(application))
        reasons, clause = self._clause(application, measure)
        if clause >= 2**62:
            raise SettlementRefused("TOTAL_TOO_LARGE", f"application '{application.id}' does not fit in 62 bits")
        if not self._independent(application):
            reasons.append("NOT_INDEPENDENT_LEGAL_PERSON")
        ours = 0 if reasons else clause
        other = None if reasons else application.other
        if other is not None:
            amount, is_paid = other
            if is_paid or amount > ours:
                reasons.append("HIGHER_OF_MUNICIPAL_POLICIES")
                ours = max(0, ours - amount) if is_paid else 0
        before = 0
        if ours > 0 and application.article != "5":
            before = self._paid_before(application)
            if before > 0:
                line.flags |= FLAG_BIT["SAME_COST_TWICE"]
                ours = min(ours, max(0, int(measure) - before))
            self._pay(application, ours)
        if ours > 0 and application.article == "9":
            self.models.add(str(application.given["model"]))
        line.items.append(
            DraftItem(application.id, application.article, measure, clause, tuple(reasons), other, before, ours)
        )
        for reason in reasons:
            line.reasons |= REASON_BIT[reason]

    def _independent(self, application: _Application) -> bool:
        fact = self.entities.fact_on(application.party, application.from_day)
        return fact is not None and bool(self.inputs.entity_facts["independent_legal_person"][fact])

    def _cost(self, application: _Application) -> int:
        """Return the cost given, or the charges metered in [from, to)."""
        if application.cost_fen is not None:
            return application.cost_fen
        mine = self.inputs.use.filter(
            (pl.col("consumer") == application.party)
            & (pl.col("day") >= application.from_day)
            & (pl.col("day") < application.to_day)
        )
        return int(mine.select(pl.col("charge_fen").cast(pl.Int128).sum()).item() or 0)

    def _clause(self, application: _Application, measure: Fraction) -> tuple[list[str], int]:
        """Return (reasons against, fen) of the article alone, floored once."""

        def rule(name: str) -> Any:
            return self.round.parameter(f"Y-{application.article}", name)

        against: list[str] = []
        if application.article == "5":
            if application.number("pue") >= rule("pue_below"):
                against.append("PUE_NOT_BELOW_1_2")
            fen = measure * rule("yuan_per_kwh") * 100
            return against, fen.numerator // fen.denominator
        if application.article == "9":
            model = application._text("model")
            if application.number("parameters") < rule("parameters_at_least"):
                against.append("MODEL_PARAMETERS_BELOW_THRESHOLD")
            if application._whole("scenes") < rule("scenes_at_least"):
                against.append("SCENES_BELOW_THRESHOLD")
            if not application.truth("landed"):
                against.append("NOT_LANDED_IN_YINCHUAN")
            if model in self.models:
                against.append("MODEL_ALREADY_CLAIMED")
        else:
            if application.given.get("honour") not in rule("honours"):
                against.append("HONOUR_NOT_LISTED")
            if application.truth("already_received"):
                against.append("ONE_OFF_ALREADY_RECEIVED")
        share = measure * rule("rate")
        return against, min(share.numerator // share.denominator, int(rule("cap_fen")))

    def _key(self, application: _Application) -> tuple[int, str | None, str] | None:
        """Return the cost an application is about (Y-STACK): all metered ones of a consumer share one.

        None: its own.
        """
        if application.cost_fen is None:
            return application.party, None, "metered"
        if application.cost_ref is not None:
            return application.party, application.cost_ref, "given"
        return None

    def _paid_before(self, application: _Application) -> int:
        key = self._key(application)
        return 0 if key is None else self.paid.get(key, 0)

    def _pay(self, application: _Application, fen: int) -> None:
        key = self._key(application)
        if key is not None:
            self.paid[key] = self.paid.get(key, 0) + fen
