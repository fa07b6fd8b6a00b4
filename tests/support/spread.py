"""How the tests are spread over workers, and which of them are the fast part.

A file is run by one worker, because its tests share a database. The files of a folder in `ONE_AFTER_ANOTHER` are run by
one worker as well: they load or kill whole services, and two of them at once would only measure each other. The tests
of `EACH_BY_ITSELF` share nothing, and go to whichever worker is free.
"""

from __future__ import annotations

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

ONE_AFTER_ANOTHER = ("tests/faults/",)
EACH_BY_ITSELF = ("tests/worlds/",)
LONG = ("tests/faults/", "tests/laws/", "tests/commands/", "tests/database/")
"""Begun first, so that no worker is left with a long one at the end; and no part of the fast tests."""
NOT_FAST = (*LONG, "tests/findings/", "tests/archive/")
NEEDS_A_SERVER = "cluster"
"""The fixture that every test with a PostgreSQL asks for, directly or not."""


class Spread(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each worker whole files, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


def scope_of(nodeid: str) -> str:
    """What is run by one worker together with this test: its file, or its folder, or nothing else."""
    if nodeid.startswith(EACH_BY_ITSELF):
        return nodeid
    file: str = nodeid.split("::", 1)[0]
    return next((folder for folder in ONE_AFTER_ANOTHER if file.startswith(folder)), file)


def longest_first(items: list[pytest.Item]) -> None:
    """Order the tests so that the long files come first; within a file the order stays."""
    items.sort(key=lambda item: next((n for n, place in enumerate(LONG) if item.nodeid.startswith(place)), len(LONG)))


def is_fast(item: pytest.Item) -> bool:
    """Whether a test is one of `make test-fast`: in memory, and not of a folder with long tests."""
    return not item.nodeid.startswith(NOT_FAST) and NEEDS_A_SERVER not in getattr(item, "fixturenames", ())
