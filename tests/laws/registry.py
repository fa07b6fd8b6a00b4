"""Random registry facts: entities, facilities, chips, holdings, expenditures, changing inside the window."""

from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

from tests.laws.calendar import Calendar, text_of
from tests.laws.chance import Chance
from tests.reference.uscc import coded
from tests.support.records import ABSENT, chip, entity, expenditure, facility, holding

Item = dict[str, Any]

KINDS = ["enterprise"] * 21 + ["university"] * 4 + ["research_institute"] * 3
KINDS += ["new_rnd_institution", "government", "other"]
REGIONS = ["340100"] * 16 + ["340300", "341300", "341602", "341602", "341125", "341522", "320100", "320100"]
SHARES = ["0.25", "0.25", "0.2499", "0.249999999", "0.3", "0.3", "0.5", "0.5", "0.51", "0.49", "1", "1", "0.1", "0.34"]
OWNERSHIPS = [
    ["1"],
    ["1"],
    ["1"],
    ["1.00"],
    ["0.60", "0.40"],
    ["0.6", "0.4"],
    ["0.75", "0.25"],
    ["0.8", "0.2"],
    ["0.7501", "0.2499"],
    ["0.5", "0.5"],
    ["0.333333333", "0.333333333", "0.333333334"],
    ["0.25", "0.25", "0.25", "0.25"],
    ["0.2", "0.2", "0.2", "0.2", "0.2"],
]
RATINGS = ["1000", "1000", "1000", "320", "312", "148.5", "989.5", "7.3", "0.000001", "333.333333"]


WEB = 8  # a cast of more holds one another in every direction


def code_of(number: int, prefix: str = "91340100") -> str:
    """A well-formed unified social credit code that belongs to nobody."""
    return coded(f"{prefix}MA{number:07d}")


def dates(chance: Chance, calendar: Calendar, *, keys: tuple[str, str], steady: float) -> Item:
    """The start and end of a fact: long before the window, or since ever, or inside it."""
    start_key, end_key = keys
    item: Item = {}
    if chance.happens(steady):
        item[start_key] = chance.one(["2020-01-01"] * 6 + [None, "2022-12-31"])
        if item[start_key] is None and chance.happens(0.5):
            del item[start_key]
        if chance.happens(0.08):
            item[end_key] = text_of(calendar.change())
    else:
        start = calendar.change()
        item[start_key] = text_of(start)
        if chance.happens(0.25):
            item[end_key] = text_of(start + timedelta(days=chance.number(1, 40)))
    if item.get(start_key) and item.get(end_key) and item[end_key] <= item[start_key]:
        del item[end_key]  # a fact that never rules is refused by the registry
    if chance.happens(0.05):
        item.setdefault(end_key, None)
    return item


def entity_facts(chance: Chance, calendar: Calendar, uscc: str, *, state_body: bool, steady: float) -> list[Item]:
    """One fact, or several that change seat, kind, legal personality, AI attribute or State body."""
    facts = []
    for number in range(1 if chance.happens(0.75) else chance.number(2, 3)):
        facts.append(
            entity(
                uscc,
                name=f"示例单位{uscc[10:17]}" + ("" if number == 0 else f"（{number}）"),
                kind=chance.one(KINDS),
                independent_legal_person=chance.happens(0.96),
                region=chance.one(REGIONS),
                ai_enterprise=chance.one([True] * 18 + [None, None, False]),
                state_body=state_body if chance.happens(0.9) else not state_body,
                valid_from=ABSENT,
            )
            | dates(chance, calendar, keys=("valid_from", "valid_to"), steady=steady if number == 0 else 0.15)
        )
    return facts


def facility_facts(chance: Chance, calendar: Calendar, name: str, cast: list[str]) -> list[Item]:
    """One fact, or two: sold, moved or reclassified inside the window."""
    facts = []
    for number in range(1 if chance.happens(0.8) else 2):
        shares = chance.one(OWNERSHIPS)
        owners = chance.some(cast, len(shares))
        if len(owners) < len(shares):
            owners, shares = owners[:1], ["1"]
        item = facility(
            name,
            region=chance.one(["340100"] * 7 + ["341300", "320100"]),
            intelligent=chance.happens(0.93),
            owners=[{"uscc": owner, "share": share} for owner, share in zip(owners, shares, strict=True)],
            valid_from=ABSENT,
        )
        if chance.happens(0.4):
            item["operator"] = chance.one([*cast, *cast, None])
        steady = 0.96 if number == 0 else 0.05
        facts.append(item | dates(chance, calendar, keys=("valid_from", "valid_to"), steady=steady))
    return facts


def chip_facts(chance: Chance, calendar: Calendar, name: str) -> list[Item]:
    """A rating, now and then one that changes inside the window."""
    facts = [chip(name, tflops_fp16=chance.one(RATINGS), valid_from="2020-01-01")]
    if chance.happens(0.1):
        del facts[0]["valid_from"]
    while chance.happens(0.2):
        start = text_of(calendar.change())
        facts.append(chip(name, tflops_fp16=chance.one(RATINGS), valid_from=start))
    return facts


def holding_facts(chance: Chance, calendar: Calendar, cast: list[str], wanted: list[tuple[str, str]]) -> list[Item]:
    """Chains, crossings, cycles, stars, and the pairs wanted; never more than the whole of anyone held."""
    pairs = list(wanted)
    form = chance.number(0, 6)
    some = chance.some(cast, chance.number(2, 4))
    if form <= 2:  # a chain, sometimes closed to a cycle
        pairs += list(pairwise(some))
        if form == 2:
            pairs.append((some[-1], some[0]))
    elif form == 3:  # one holder of many
        pairs += [(some[0], held) for held in some[1:]]
    elif form == 4:  # many holders of one
        pairs += [(holder, some[0]) for holder in some[1:]]
    for _ in range(14 if len(cast) > WEB else chance.one([0, 0, 1, 1, 2])):
        holder, held = chance.some(cast, 2)
        pairs.append((holder, held))
    facts: list[Item] = []
    left: dict[str, Fraction] = {}  # of each held entity, what is still to be had
    for holder, held in dict.fromkeys(pairs):
        for number in range(1 if chance.happens(0.8) else 2):
            share = chance.one(SHARES if number == 0 else ["0.1", "0.25", "0.24", "0.5"])
            if number == 0 and (holder, held) in wanted:
                share = chance.one(["0.25", "0.3", "0.51", "0.8"])
            if left.get(held, Fraction(1)) < Fraction(share):
                continue
            left[held] = left.get(held, Fraction(1)) - Fraction(share)
            item = holding(holder, held, share, **{"from": ABSENT})
            steady = (0.4 if len(cast) > WEB else 0.7) if number == 0 else 0.1
            item |= dates(chance, calendar, keys=("from", "to"), steady=steady)
            facts.append(item | {"document": f"equity-{len(facts) + 1}"})
    return facts


def expenditure_facts(
    chance: Chance, calendar: Calendar, consumers: list[str], charges: dict[str, int], *, wanted: bool
) -> list[Item]:
    """Papers about spending, near what was charged; `wanted`: in a round that asks for them."""
    facts: list[Item] = []
    for consumer in consumers:
        kinds: list[str] = []
        if wanted and chance.happens(0.75):
            kinds += ["contract", "invoice"]
        for _ in range(chance.one([0, 0, 0, 1, 1, 2])):
            kinds.append(chance.one(["contract", "invoice", "payment", "payment", "public_support", "public_support"]))
        for kind in kinds:
            start = calendar.change() - timedelta(days=chance.one([0, 1, 20, 200]))
            stop = start + timedelta(days=chance.one([0, 0, 30, 89, 364]))
            amount = charges.get(consumer, 0) * chance.number(1, 30) // chance.one([3, 10, 20, 20, 40])
            if chance.happens(0.12):
                amount = -amount // 3
            facts.append(
                expenditure(
                    f"x{len(facts) + 1}",
                    consumer=consumer,
                    kind=kind,
                    served_from=text_of(start),
                    served_to=text_of(stop),
                    amount_fen=amount,
                )
            )
    if facts and chance.happens(0.05):
        facts.append(dict(facts[0]))  # sent twice
    if facts and chance.happens(0.05):
        facts.append(facts[0] | {"amount_fen": 77})  # contradicted: the first stands
    return facts
