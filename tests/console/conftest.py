"""A console over answers from memory: three settlements, hostile names, a quarantine, and people of every role."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from api.auth.roles import ROLES
from tests.console import fixtures
from tests.console.console_session import ConsoleSession, browser
from tests.console.fake import FakeQueries


@pytest.fixture
def queries() -> FakeQueries:
    """The answers of one test."""
    made = FakeQueries(
        held=fixtures.settlements(), lines_of=fixtures.lines_of(), kept=fixtures.kept(),
        instructions=fixtures.instructions(),
        instruction_events=fixtures.instruction_events(), owed=fixtures.owed(), log=fixtures.log(),
    )  # fmt: skip
    for role in ROLES:
        made.add_person(role, role)
    made.add_person("wuhu", "reviewer", "340200")
    return made


@pytest_asyncio.fixture
async def desk(queries: FakeQueries) -> AsyncIterator[ConsoleSession]:
    """Nobody has logged in yet."""
    async with browser(queries) as client:
        yield ConsoleSession(client, queries)


@pytest_asyncio.fixture
async def finance(desk: ConsoleSession) -> ConsoleSession:
    """Somebody of finance is logged in."""
    desk.be_logged_in_as("finance")
    return desk
