"""Random worlds: one small province for each seed, in the shape of docs/contract.md, section 6."""

from typing import Any

from tests.laws.applications import applications, matches
from tests.laws.calendar import Calendar
from tests.laws.chance import Chance
from tests.laws.magnitude import magnified
from tests.laws.registry import (
    chip_facts,
    code_of,
    entity_facts,
    expenditure_facts,
    facility_facts,
    holding_facts,
)
from tests.laws.usage import Usage

World = dict[str, Any]

ANHUI_ROUNDS = ["anhui-2026"] * 9 + ["anhui-2025"] * 4 + ["anhui-2024-1"] * 5
ALL_ROUNDS = [*ANHUI_ROUNDS, "yinchuan-draft", "yinchuan-draft"]
STRANGER = 2_000_000  # number of the code that owns the hub and uses nothing
RATES = ["0.20"] * 6 + ["0.2", "0.12", "0.15", "0.18", "0.1999", "0"]
REFUSED_RATES = ["0.2001", "1", "-0.01"]
READINGS = {
    "net_effect": ["gate", "proportional"],
    "supply_owner": ["equity_entity", "legal_person", "legal_person"],
    "self_test": ["use_excluded", "facility"],
    "hold_below_external_share": ["0", "0.10"],
    "related": ["0.50", "0.25"],
    "spend_basis": ["least_evidenced", "invoiced", "settled"],
    "purpose_missing": ["refuse", "accept", "hold"],
    "uplift": ["off", "capped", "lifted"],
    "north_places": ["six_plus_four", "six"],
    "rounding": ["half_up", "floor"],
    "filter_order": ["net_then_filter", "filter_then_net"],
}


def anhui_world_of(seed: int) -> World:
    """The random world of a seed, of an Anhui round and with a rate that is not refused."""
    world = world_of(seed, ANHUI_ROUNDS)
    if world["order"].get("rate") in REFUSED_RATES:
        world["order"]["rate"] = "0.20"
    return world


def world_of(seed: int, rounds: list[str] = ALL_ROUNDS) -> World:
    """The random world of a seed."""
    chance = Chance(seed)
    round_id = chance.one(rounds)
    calendar = Calendar(chance, round_id)
    size = 10 if chance.happens(0.06) else chance.number(3, 6)
    cast = [code_of(chance.number(100_000, 999_999)) for _ in range(size)]
    stranger = code_of(STRANGER)
    state = code_of(3_000_000, "11340000")
    unregistered = code_of(4_000_000)

    facilities = ["fa", "fb", "fc"][: chance.number(1, 3)]
    facility_items = [item for one in facilities for item in facility_facts(chance, calendar, one, cast)]
    facility_items += facility_facts(chance, calendar, "hub", [stranger])
    chips = ["K1", "K2"][: chance.one([1, 1, 2])]
    usage = Usage(chance, calendar, facilities, chips)
    pairs: list[tuple[str, str]] = []
    subsidiary = facility_items[0]["owners"][0]["uscc"]
    others = [code for code in cast if code != subsidiary]
    if chance.happens(0.35) and len(others) > 1:
        parent, other = chance.some(others, 2)
        pairs.append((parent, subsidiary))
        usage.family(parent, subsidiary, other, "fa")
    holdings = holding_facts(chance, calendar, [*cast, state], pairs) if pairs or chance.happens(0.6) else []
    fill(usage, cast, unregistered, facility_items)
    world: World = {
        "id": f"random-{seed}",
        "round": round_id,
        "order": random_order(chance),
        "entities": shuffled(chance, random_entities(chance, calendar, cast, stranger, state)),
        "facilities": facility_items,
        "chips": [item for one in chips for item in chip_facts(chance, calendar, one)],
        "holdings": shuffled(chance, holdings),
        "expenditures": expenditure_facts(
            chance, calendar, [*cast, unregistered], charges_of(usage.records), wanted=round_id == "anhui-2024-1"
        ),
        "usage": usage.records,
    }
    if round_id == "yinchuan-draft":
        world["applications"] = applications(chance, calendar, [*cast[:2], chance.one([*cast, unregistered])])
        return world
    if chance.happens(0.45):
        names = chance.some(list(READINGS), chance.number(1, 3))
        world["readings"] = {name: chance.one(READINGS[name]) for name in names}
    if chance.happens(0.2):
        paid = chance.some([*cast, unregistered, stranger], chance.number(1, 3))
        world["settled"] = {"lines": {code: {"payable_fen": chance.magnitude(1, 8)} for code in paid}}
    if round_id == "anhui-2024-1" and chance.happens(0.15):
        world["matches"] = matches(chance)
    return magnified(chance, world) if chance.happens(0.06) else world


def random_order(chance: Chance) -> dict[str, Any]:
    """A rate or none, a budget or none, the uplift or not."""
    order: dict[str, Any] = {}
    if chance.happens(0.9):
        order["rate"] = chance.one(RATES)
    if chance.happens(0.015):
        order["rate"] = chance.one(REFUSED_RATES)
    if chance.happens(0.3):
        order["budget_fen"] = 0 if chance.happens(0.05) else chance.magnitude(1, 9)
    if chance.happens(0.2):
        order["uplift"] = chance.happens(0.9)
    return order


def random_entities(
    chance: Chance, calendar: Calendar, cast: list[str], stranger: str, state: str
) -> list[dict[str, Any]]:
    """Facts about most of the cast; some are not registered, or not in the window."""
    items = []
    for code in cast:
        if chance.happens(0.97):
            items += entity_facts(chance, calendar, code, state_body=chance.happens(0.06), steady=0.95)
    items += entity_facts(chance, calendar, stranger, state_body=False, steady=1)
    return items + entity_facts(chance, calendar, state, state_body=True, steady=0.9)


def fill(usage: Usage, cast: list[str], unregistered: str, facility_items: list[dict[str, Any]]) -> None:
    """Use by owners and others at their own and the stranger's facilities, with all that can happen to a record."""
    chance = usage.chance
    for item in facility_items:
        owners = [owner["uscc"] for owner in item["owners"] if owner["uscc"] in cast]
        if owners and chance.happens(0.6):
            usage.add(chance.one(owners), item["id"])
        if owners and chance.happens(0.12):
            usage.balance(owners[0], chance.one(cast), item["id"])
        if owners and chance.happens(0.2):
            usage.near_threshold(chance.one(owners), chance.one(cast), item["id"])
    for _ in range(chance.number(2, 6)):
        facility = chance.one([item["id"] for item in facility_items] + ["hub", "hub", "hub"])
        usage.add(unregistered if chance.happens(0.03) else chance.one(cast), facility)
    for happen, probability in (
        (usage.repeat, 0.2),
        (usage.contradict, 0.15),
        (usage.correct, 0.25),
        (usage.correct, 0.15),
        (usage.spoil, 0.15),
        (usage.repeat, 0.05),
    ):
        if chance.happens(probability):
            happen()


def charges_of(usage: list[dict[str, Any]]) -> dict[str, int]:
    """About what each consumer was charged, to draw papers near it."""
    charges: dict[str, int] = {}
    for record in usage:
        if isinstance(record.get("charge_fen"), int) and record["charge_fen"] > 0:
            charges[record["consumer"]] = charges.get(record["consumer"], 0) + record["charge_fen"]
    return charges


def shuffled(chance: Chance, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same facts in another order of recording."""
    return chance.some(items, len(items))
