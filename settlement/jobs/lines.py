"""Stored lines with what explains them: steps are told when they are asked for, from the values that are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg

from settlement.errors import SettlementRefused
from settlement.explain.stored import told
from settlement.explain.story import Setting
from settlement.rounds import load_rounds
from settlement.rounds.readings import read_order
from settlement.store.lines import stored_line
from settlement.store.settlements import stored_settlement


async def explained_line(
    connection: asyncpg.Connection, settlement: str, uscc: str, *, of_a_city: bool = False
) -> dict[str, Any] | None:
    """Return one line with its steps and its excluded use, or None where the settlement has none for the entity.

    A reader `of_a_city` is told no figure of the province.
    Raises SettlementRefused LINE_CONTRADICTS_ITSELF where a step does not come to what is stored.
    """
    found = await stored_line(connection, settlement, uscc)
    if found is None:
        return None
    line, working = found
    row = await stored_settlement(connection, settlement)
    try:
        return line | told(setting_of(row, of_a_city=of_a_city), line, working)
    except AssertionError as error:
        raise SettlementRefused("LINE_CONTRADICTS_ITSELF", f"what is stored of {uscc} was changed: {error}") from None


def setting_of(row: asyncpg.Record, *, of_a_city: bool = False) -> Setting:
    """Return what the steps of a stored settlement's lines share."""
    of_round = load_rounds()[row["round"]]
    sum_of_awards = None if of_a_city else row["totals"]["award_fen"]
    return Setting(of_round, read_order(row["payment_order"], of_round), row["readings"], sum_of_awards)


async def told_lines(
    connection: asyncpg.Connection, settlement: str, portions: AsyncIterator[list[tuple[str, Any, Any]]]
) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield {"uscc", "steps", "excluded"} of each line, for portions of (code, line, working)."""
    setting = setting_of(await stored_settlement(connection, settlement))
    async for portion in portions:
        yield [{"uscc": uscc, **told(setting, line, working)} for uscc, line, working in portion]
