"""Holding a law against many random worlds: in several processes, and with the first failure shrunk and printed."""

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache

import yaml

from tests.laws.chance import Chance
from tests.laws.implementation import Result, Settle, implementation
from tests.laws.shrink import shrunk
from tests.laws.worlds import World

# A law: what it complains about in a world (nothing: it holds), or None where its premises are not given.
Law = Callable[[Settle, World, Chance], list[str] | None]
WorldOf = Callable[[int], World]

DEFAULT_WORLDS = 4_000  # more than any broken rule needs to be noticed (test_sharpness.py); `make laws` tries 20,000
WORLDS = int(os.environ.get("SUANBU_WORLDS", DEFAULT_WORLDS))
FIRST = int(os.environ.get("SUANBU_FIRST_WORLD", "0"))  # the first seed; another one tries other worlds
LAW_WORLDS = {"reference": max(100, WORLDS // 200), "product": max(25, WORLDS // 800)}
PROCESSES = min(8, os.cpu_count() or 1)
BLOCK = 100  # worlds a process takes at a time


class RaisedError(Exception):
    """The implementation raised instead of answering."""


def complaints(law: Law, settle: Settle, world: World, seed: int) -> list[str] | None:
    """What the law says about one world; its own choices follow from the seed."""

    def answered(given: World) -> Result:
        result = settle(given)
        if "raised" in result:
            raise RaisedError(result["raised"])
        return result

    try:
        return law(answered, world, Chance(seed + 10**9))
    except RaisedError as error:
        return [f"raised {error}"]


def examine(law: Law, name: str, world_of: WorldOf, first_seed: int, count: int) -> tuple[int, str]:
    """Hold a law against a block of worlds: in how many its premises were given, and a report of the first failure."""
    settle = implementation(name)
    applied = 0
    for seed in range(first_seed, first_seed + count):
        world = world_of(seed)
        found = complaints(law, settle, world, seed)
        applied += found is not None
        if found:
            return applied, report(law, name, settle, world, seed)
    return applied, ""


def report(law: Law, name: str, settle: Settle, world: World, seed: int) -> str:
    """The failing world, shrunk, with what is wrong."""

    def fails(candidate: World) -> bool:
        try:
            return bool(complaints(law, settle, candidate, seed))
        except (KeyError, IndexError, ValueError):  # too little is left for the law to speak of
            return False

    small = shrunk(world, fails)
    found = complaints(law, settle, small, seed)
    text = yaml.safe_dump(small, allow_unicode=True, sort_keys=False, width=200, default_flow_style=None)
    return f"{law.__name__} fails for the {name} on seed {seed}:\n" + "\n".join(found or []) + "\n\n" + text


def hold(law: Law, name: str, world_of: WorldOf, worlds: int, least_applied: float = 0.3) -> None:
    """Assert a law on so many worlds, on as many processes as there are cores.

    A law whose premises are hardly ever given proves nothing and fails.
    """
    size = max(1, min(BLOCK, worlds // PROCESSES))
    blocks = [(FIRST + first, min(size, worlds - first)) for first in range(0, worlds, size)]
    tasks = [processes().submit(examine, law, name, world_of, first, count) for first, count in blocks]
    applied = 0
    for task in tasks:
        given, failure = task.result()
        if failure:
            for other in tasks:
                other.cancel()
        assert not failure, failure
        applied += given
    assert applied >= worlds * least_applied, f"{law.__name__}: premises given in {applied} of {worlds} worlds only"


@cache
def processes() -> ProcessPoolExecutor:
    """The processes of this run. Spawned: a fork would copy the locks of running threads."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(PROCESSES, mp_context=context, initializer=use_one_thread)


def use_one_thread() -> None:
    """The worlds are small and the cores are taken by the processes; said before anything that starts threads."""
    for name in ("POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = "1"
