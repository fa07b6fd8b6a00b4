"""Break one rule of the reference: the random worlds notice. A rule whose breaking nobody notices is not tested."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

import pytest

from tests.laws.difference import differences
from tests.laws.trial import DEFAULT_WORLDS
from tests.laws.worlds import World, world_of
from tests.reference import settle, settlement
from tests.reference import settle as settle_by_reference
from tests.reference.facts import Facts, Item, Registry
from tests.reference.family import Families, Family
from tests.reference.judgement import Judged, judge
from tests.reference.money import Evidence, evidence_of, rate_of
from tests.reference.netting import Net, supply_share
from tests.reference.parts import days_touched
from tests.reference.records import Ingest, Record, read_record
from tests.reference.rounds import DEFAULT_READINGS, ROUNDS, Round

MOST_WORLDS = DEFAULT_WORLDS - 1_000
TINY = Fraction(1, 10**12)
BELOW = Fraction(1, 10_000)
FACTS_ON = Facts.on

Break = Callable[[pytest.MonkeyPatch], None]
BREAKS: dict[str, Break] = {}


def breaking(rule: str) -> Callable[[Break], Break]:
    """Register one way to get a rule wrong."""

    def register(function: Break) -> Break:
        BREAKS[rule] = function
        return function

    return register


def patch(name: str, value: object) -> Break:
    """Replace one name of the reference."""
    return lambda monkeypatch: monkeypatch.setattr(f"tests.reference.{name}", value)


def rejudged(change: Callable[[Judged], Judged]) -> Break:
    """Judge as always, then change each judgement."""

    def wrong(*args: Any) -> list[Judged]:
        return [change(one) for one in judge(*args)]

    return patch("settlement.judge", wrong)


def reading(switch: str, value: str) -> Break:
    """Another default of a reading."""
    return lambda monkeypatch: monkeypatch.setitem(DEFAULT_READINGS, switch, value)


def all_rounds(change: Callable[[Round], Round]) -> Break:
    """Every round, changed."""

    def apply(monkeypatch: pytest.MonkeyPatch) -> None:
        for round_id, round_ in list(ROUNDS.items()):
            monkeypatch.setitem(ROUNDS, round_id, change(round_))

    return apply


BREAKS |= {
    "an investor of exactly 25% is an insider": patch("judgement.INVESTOR_SHARE", Fraction(1, 4) + TINY),
    "an investor of 24.99% is none": patch("judgement.INVESTOR_SHARE", Fraction(2499, 10_000)),
    "25% relates": patch("settlement.Families", lambda registry, least: Families(registry, least + TINY)),
    "24.99% does not": patch(
        "settlement.Families", lambda registry, least: Families(registry, least - Fraction(1, 10_000))
    ),
    "State bodies relate nobody": patch("facts.Registry.is_state_body", lambda *_: False),
    "exactly a tenth of outside use is not held": reading("hold_below_external_share", "0.100000000001"),
    "money is floored": reading("rounding", "half_up"),
    "the uplift is off": reading("uplift", "capped"),
    "eligible use is netted": reading("filter_order", "net_then_filter"),
    "the window has an end": all_rounds(lambda round_: replace(round_, end_day=round_.end_day + 1)),
    "the window has a beginning": all_rounds(lambda round_: replace(round_, first_day=round_.first_day + 1)),
    "2025 asks for no seat": all_rounds(lambda round_: replace(round_, user_in_anhui=True)),
    "evidence is asked for where the notice lists it": all_rounds(lambda round_: replace(round_, evidence=())),
    "days are local": patch("parts.day_of", lambda instant: instant // 86_400),
    "what is outside the scheme is no supply": rejudged(lambda one: replace(one, in_scheme=one.part.via_platform)),
    "excluded use is supply": rejudged(lambda one: replace(one, in_scheme=one.in_scheme and one.exclusion is None)),
    "held use is supply": rejudged(lambda one: replace(one, in_scheme=one.in_scheme and not one.holds)),
    "use off the platform is no supply": rejudged(lambda one: replace(one, in_scheme=True)),
    "the first exclusion is kept": rejudged(
        lambda one: replace(one, exclusion="SELF_BUILT_SELF_USED" if one.exclusion and one.insider else one.exclusion)
    ),
    "parts are cut cumulatively": patch(
        "parts.cumulative_floor", lambda amount, begin, end, start, stop: amount * (end - begin) // (stop - start)
    ),
    "a record of no length is on its day": patch(
        "parts.days_touched", lambda record: range(0) if record.started == record.ended else days_touched(record)
    ),
    "the operator supplies under legal_person": patch(
        "netting.supply_share",
        lambda entity, one, readings: supply_share(
            entity, replace(one, part=replace(one.part, operator=None)), readings
        ),
    ),
    "what is corrected no longer counts": patch(
        "records.Ingest.counting", lambda self: [one for one in self.accepted.values() if one.action != "void"]
    ),
    "an order number is content": patch(
        "records.read_record", lambda item, registry: replace(read_record(item, registry), order=None)
    ),
    "facts are ruled by the day": patch("facts.Facts.on", lambda self, subject, day: FACTS_ON(self, subject, day + 45)),
}
EVIDENCE_COVERAGE = Evidence.coverage
FAMILIES_ON = Families.on


@breaking("membership is judged day by day")
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Families, "on", lambda self, day: FAMILIES_ON(self, day + 45))


@breaking("State bodies are judged day by day")
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Registry.is_state_body
    monkeypatch.setattr(Registry, "is_state_body", lambda self, uscc, day: right(self, uscc, day + 45))


@breaking("a chain relates its ends")
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Family, "ancestors_or_self", lambda self, x: {x, *self.holders.get(x, {})})


def wrong_root(self: Family, x: str, *, largest_code: bool, largest_share: bool, first_on_cycle: bool) -> str:
    """The way to the root with one turn wrong."""
    path = [x]
    while path[-1] in self.holders:
        holders = self.holders[path[-1]]
        share = max(holders.values()) if largest_share else min(holders.values())
        equal = sorted(holder for holder in holders if holders[holder] == share)
        follow = equal[-1] if largest_code else equal[0]
        if follow in path:
            return follow if first_on_cycle else min(path[path.index(follow) :])
        path.append(follow)
    return path[-1]


@breaking("of equal shares the smaller code leads")
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {"largest_code": True, "largest_share": True, "first_on_cycle": False}
    monkeypatch.setattr(Family, "root", lambda self, x: wrong_root(self, x, **kinds))


@breaking("the largest holder leads")
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {"largest_code": False, "largest_share": False, "first_on_cycle": False}
    monkeypatch.setattr(Family, "root", lambda self, x: wrong_root(self, x, **kinds))


@breaking("a cycle is named by its smallest code")
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {"largest_code": False, "largest_share": True, "first_on_cycle": True}
    monkeypatch.setattr(Family, "root", lambda self, x: wrong_root(self, x, **kinds))


@breaking("an older fact does not revive")
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(self: Facts, subject: str, day: int) -> Item | None:
        latest = None
        for fact in self.of.get(subject, []):
            ended = fact.end is not None and fact.end <= day
            if fact.start <= day and not ended and (latest is None or fact.start >= latest.start):
                latest = fact
        return None if latest is None else latest.content

    monkeypatch.setattr(Facts, "on", wrong)


@breaking("of two facts with one start the later recorded rules")
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(self: Facts, subject: str, day: int) -> Item | None:
        latest = None
        for fact in self.of.get(subject, []):
            if fact.start <= day and (latest is None or fact.start > latest.start):
                latest = fact
        if latest is None or (latest.end is not None and latest.end <= day):
            return None
        return latest.content

    monkeypatch.setattr(Facts, "on", wrong)


@breaking("where nothing rules, the last that ruled stands in")
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Facts, "last_on", lambda self, subject, first, day: self.on(subject, day) or self.on(subject, first)
    )


@breaking("the own net must be positive and may bind")
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Net.ratio

    def wrong(self: Net, effect: str) -> Fraction:
        return right(Net(self.group_consumed, self.group_supplied, self.group_consumed, self.group_supplied), effect)

    monkeypatch.setattr(Net, "ratio", wrong)


@breaking("the group net must be positive and may bind")
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Net.ratio

    def wrong(self: Net, effect: str) -> Fraction:
        return right(Net(self.consumed, self.supplied, self.consumed, self.supplied), effect)

    monkeypatch.setattr(Net, "ratio", wrong)


@breaking("served_to is included")
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(entity: str, items: list[Item], round_: Round) -> Evidence:
        longer = [item for item in items if item["served_from"] < item["served_to"]]
        return evidence_of(entity, longer, round_)

    monkeypatch.setattr("tests.reference.lines.evidence_of", wrong)


@breaking("public support is deducted")
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(entity: str, items: list[Item], round_: Round) -> Evidence:
        return replace(evidence_of(entity, items, round_), public_support_fen=0)

    monkeypatch.setattr("tests.reference.lines.evidence_of", wrong)


@breaking("the least evidenced kind rules")
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(self: Evidence, kinds: tuple[str, ...], all_charges_fen: int) -> Fraction:
        only = {kind: total for kind, total in self.totals.items() if total == max(self.totals.values())}
        return EVIDENCE_COVERAGE(replace(self, totals=only), kinds, all_charges_fen)

    monkeypatch.setattr(Evidence, "coverage", wrong)


@breaking("the capped uplift stops at the ceiling")
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(order: Item, readings: dict[str, str], region: str | None) -> Fraction:
        lifted = "lifted" if readings["uplift"] == "capped" else readings["uplift"]
        return rate_of(order, readings | {"uplift": lifted}, region)

    monkeypatch.setattr("tests.reference.lines.rate_of", wrong)


@breaking("the odd fen go to the largest remainders")
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(awards: dict[str, int], budget_fen: int | None) -> dict[str, int]:
        claimed = sum(awards.values())
        if budget_fen is None or claimed <= budget_fen:
            return dict(awards)
        payable = {code: award * budget_fen // claimed for code, award in awards.items()}
        for code in sorted(payable)[: budget_fen - sum(payable.values())]:
            payable[code] += 1
        return payable

    monkeypatch.setattr("tests.reference.settlement.share_out", wrong)


@breaking("both consumers of a conflict are flagged")
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    right = settlement.in_conflict

    def wrong(ingest: Ingest, round_: Round) -> set[str]:
        firsts: list[tuple[Record, Record]] = [(first, first) for first, _ in ingest.conflicts]
        return right(replace(ingest, conflicts=firsts), round_)

    monkeypatch.setattr(settlement, "in_conflict", wrong)


@cache
def right_result(seed: int) -> tuple[World, dict[str, Any]]:
    """A world and its settlement by the rules; computed before anything is broken."""
    world = world_of(seed)
    return world, settle_by_reference(world)


@pytest.mark.parametrize("rule", list(BREAKS))
def test_breaking_a_rule_is_noticed(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some world settles differently."""
    for start in range(0, MOST_WORLDS, 100):
        block = [right_result(seed) for seed in range(start, start + 100)]
        with monkeypatch.context() as broken:
            BREAKS[rule](broken)
            if any(differences(result, settle(world)) for world, result in block):
                return
    pytest.fail(f"no one notices in {MOST_WORLDS} worlds")
