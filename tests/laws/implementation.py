"""The implementations that the laws are held against: the reference, and the product's own path for worlds."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from tests.laws.worlds import World
from tests.reference import settle as settle_by_reference

Result = dict[str, Any]
Settle = Callable[[World], Result]

NAMES = ["reference", "product"]


def implementation(name: str) -> Settle:
    """The function behind a name: a world in, lines, totals and ingest counts (or `refused`) out."""
    if name == "reference":
        return settle_by_reference
    return settle_by_product


def settle_by_product(world: World) -> Result:
    """What `suanbu world` prints as `got`. An exception is a result that no reference gives."""
    run_world = import_module("settlement.jobs.worlds.run").run_world
    try:
        got: Result = run_world(world)["got"]
    except Exception as error:  # whatever it is, it is reported with the world that made it
        return {"raised": f"{type(error).__name__}: {error}"}
    return got
