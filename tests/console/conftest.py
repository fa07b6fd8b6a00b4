"""A desk with books in memory: three settlements, lines with hostile names, a quarantine, and people of every role."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from api.auth.people import ROLES
from tests.console import shelf
from tests.console.desk import Desk, browser
from tests.console.fake import FakeBooks


@pytest.fixture
def books() -> FakeBooks:
    """The books of one test."""
    made = FakeBooks(
        held=shelf.settlements(), lines_of=shelf.lines_of(), kept=shelf.kept(), instructions=shelf.instructions(),
        instruction_events=shelf.instruction_events(), owed=shelf.owed(), log=shelf.log(),
    )  # fmt: skip
    for role in ROLES:
        made.add_person(role, role)
    made.add_person("wuhu", "reviewer", "340200")
    return made


@pytest_asyncio.fixture
async def desk(books: FakeBooks) -> AsyncIterator[Desk]:
    """Nobody has logged in yet."""
    async with browser(books) as client:
        yield Desk(client, books)


@pytest_asyncio.fixture
async def finance(desk: Desk) -> Desk:
    """Somebody of finance is logged in."""
    desk.sit_down("finance")
    return desk
