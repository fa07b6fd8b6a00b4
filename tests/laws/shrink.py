"""A failing world made small: greedily leave out records, facts and switches while it still fails."""

from collections.abc import Callable, Iterator
from copy import deepcopy

from tests.laws.worlds import World

LISTS = ("usage", "expenditures", "holdings", "entities", "facilities", "chips", "applications", "matches")
TABLES = ("readings", "order", "settled")
OPTIONAL = ("purpose", "via_platform", "order", "evidence", "source", "valid_to", "to", "operator", "cost_ref")
SIMPLE = {"charge_fen": 1000, "cards": 1, "tflops_fp16": "1000", "independent_legal_person": True, "region": "340100"}


def shrunk(world: World, fails: Callable[[World], bool], most_tries: int = 600) -> World:
    """The smallest world found that still fails; `world` itself must fail."""
    smallest = world
    tries = 0
    progress = True
    while progress and tries < most_tries:
        progress = False
        for candidate in smaller(smallest):
            tries += 1
            if fails(candidate):
                smallest, progress = candidate, True
                break
            if tries >= most_tries:
                break
    return smallest


def smaller(world: World) -> Iterator[World]:
    """Worlds with one thing less, the largest steps first."""
    for name in LISTS:
        for size in (len(world.get(name) or []) // 2, 1):
            for start in range(0, len(world.get(name) or []), max(1, size)):
                candidate = deepcopy(world)
                del candidate[name][start : start + max(1, size)]
                yield candidate
    for name in TABLES:
        for key in list(world.get(name) or {}):
            candidate = deepcopy(world)
            del candidate[name][key]
            yield candidate
    for name in LISTS:
        for index, item in enumerate(world.get(name) or []):
            for key in set(OPTIONAL) & set(item):
                candidate = deepcopy(world)
                del candidate[name][index][key]
                yield candidate
            for key in set(SIMPLE) & set(item):
                if item[key] != SIMPLE[key]:
                    candidate = deepcopy(world)
                    candidate[name][index][key] = SIMPLE[key]
                    yield candidate
