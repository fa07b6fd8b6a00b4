"""Use by month and city: added up exactly, by the seat of the consumer, whatever it comes to."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import asyncpg

from meter.days import day_number
from meter.jobs.by_city import by_month_and_city, use_by_month_and_city

HOUR = 3_600_000  # millicard-seconds of a card


def test_days_are_added_up_by_month_and_city() -> None:
    days = [
        (date(2025, 9, 1), "340100", HOUR, Decimal(2**62), 1), (date(2025, 9, 30), "340100", 2 * HOUR, 2**62, 1),
        (date(2025, 10, 1), "340100", HOUR - 1, 3, 1), (date(2025, 9, 2), None, 5 * HOUR, 4, 2),
    ]  # fmt: skip
    names = ("day", "city", "millicard_seconds", "charge_fen", "starts")
    assert by_month_and_city(dict(zip(names, (day_number(day), *rest), strict=True)) for day, *rest in days) == [
        {"month": "2025-09", "city": None, "card_hours": 5, "charge_fen": 4, "records": 2},
        {"month": "2025-09", "city": "340100", "card_hours": 3, "charge_fen": 2**63, "records": 2},
        {"month": "2025-10", "city": "340100", "card_hours": 0, "charge_fen": 3, "records": 1},
    ]


async def test_the_database_adds_up_by_the_newest_seat(owner: asyncpg.Connection) -> None:
    """Written past every check, and undone: sums above 64 bits, a seat that moved, a consumer that has none."""
    trial = owner.transaction()
    await trial.start()
    try:
        await owner.execute("set local session_replication_role = replica")
        await owner.execute(
            """insert into entity_fact (batch, ordinal, party, content, name, kind, independent_legal_person, region,
               state_body) values (1, 0, 901, '{}', 'a', 'enterprise', true, '340100', false),
               (2, 0, 901, '{}', 'a', 'enterprise', true, '340223', false)"""
        )
        await owner.execute(
            """insert into rollup (last_batch, day, consumer, facility, chip, purpose, via_platform, millicard_seconds,
               charge_fen, pieces, starts)
               select 1, $1, consumer, 1, 1, 0, false, $2, 9223372036854775807, 1, 1
               from unnest(array[901, 901, 902]) consumer""",
            day_number(date(2025, 9, 1)), HOUR,
        )  # fmt: skip
        assert await use_by_month_and_city(owner) == [
            {"month": "2025-09", "city": None, "card_hours": 1, "charge_fen": 2**63 - 1, "records": 1},
            {"month": "2025-09", "city": "340200", "card_hours": 2, "charge_fen": 2 * (2**63 - 1), "records": 2},
        ]
    finally:
        await trial.rollback()
