"""Worlds made from worlds: with other readings or orders, with a record more, and what is known about each record."""

from typing import Any

from tests.laws.calendar import Calendar
from tests.laws.chance import Chance
from tests.laws.usage import Usage
from tests.laws.worlds import World
from tests.reference.facts import Registry
from tests.reference.records import Record, take_in

Item = dict[str, Any]
REGISTRY_LISTS = ("entities", "facilities", "chips", "holdings", "expenditures")


def with_readings(world: World, **readings: str) -> World:
    """The same world under other readings."""
    return world | {"readings": (world.get("readings") or {}) | readings}


def with_order(world: World, **order: Any) -> World:
    """The same world under another order; a value of None leaves the key out."""
    merged = (world.get("order") or {}) | order
    return world | {"order": {key: value for key, value in merged.items() if value is not None}}


def with_usage(world: World, *records: Item) -> World:
    """The same world with records that arrive last."""
    return world | {"usage": [*world["usage"], *records]}


def readings_given(world: World) -> Item:
    """The readings a world names itself."""
    return world.get("readings") or {}


def extra_records(world: World, chance: Chance, count: int = 1) -> list[Item]:
    """Fresh records of the world's consumers at its facilities."""
    usage = Usage(chance, Calendar(chance, world["round"]), [], [item["chip"] for item in world["chips"]])
    consumers = sorted({record["consumer"] for record in world["usage"] if "consumer" in record})
    facilities = [item["id"] for item in world["facilities"]]
    for number in range(count):
        usage.add(chance.one(consumers), chance.one(facilities), id=f"extra-{number}")
    return usage.records


def counting_records(world: World) -> list[Record]:
    """The records that count, by the reference."""
    return take_in(world["usage"], Registry(world)).counting()


def change_days(world: World) -> set[str]:
    """All days on which some dated fact of the registry starts or ends."""
    days = set()
    for name in REGISTRY_LISTS[:4]:
        for item in world[name]:
            for key in ("valid_from", "valid_to", "from", "to"):
                if item.get(key) is not None:
                    days.add(item[key])
    return days
