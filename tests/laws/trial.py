"""Holding a law against many random worlds: in several processes, and with the first failure shrunk and printed."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

import yaml

from tests.laws.chance import Chance
from tests.laws.implementation import Result, Settle, implementation
from tests.laws.shrink import shrunk
from tests.laws.worlds import World

# A law: what it complains about in a world (nothing: it holds), or None where its premises are not given.
Law = Callable[[Settle, World, Chance], list[str] | None]
WorldOf = Callable[[int], World]

WORLDS = int(os.environ.get("SUANBU_WORLDS", "20000"))
PROCESSES = min(4, os.cpu_count() or 1)
BLOCK = 250  # worlds a process takes at a time


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
    """Assert a law on so many worlds. A law whose premises are hardly ever given proves nothing and fails."""
    applied, failure = examine(law, name, world_of, 0, worlds)
    assert not failure, failure
    assert applied >= worlds * least_applied, f"{law.__name__}: premises given in {applied} of {worlds} worlds only"


def hold_in_parallel(law: Law, name: str, world_of: WorldOf, worlds: int) -> None:
    """The same on as many processes as there are cores."""
    blocks = [(first, min(BLOCK, worlds - first)) for first in range(0, worlds, BLOCK)]
    context = multiprocessing.get_context("spawn")  # a fork would copy the locks of running threads
    with one_thread_each(), ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        tasks = [pool.submit(examine, law, name, world_of, first, count) for first, count in blocks]
        for task in tasks:
            _, failure = task.result()
            if failure:
                pool.shutdown(cancel_futures=True)
            assert not failure, failure


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Processes started inside use one thread: worlds are small, and the cores are taken by the processes."""
    names = ("POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
