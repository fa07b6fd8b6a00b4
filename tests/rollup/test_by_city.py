"""Use by month and city: added up exactly, by the seat of the consumer, whatever it comes to."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import asyncpg

from meter.days import day_number
from meter.jobs.by_city import by_month_and_city, use_by_month_and_city, used_and_supplied

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


async def test_supply_is_of_the_days_investors_and_of_nobodys_own_use(owner: asyncpg.Connection) -> None:
    """Two investors, each of whom uses the facility himself; a chip that is rated anew, and stated twice."""
    trial = owner.transaction()
    await trial.start()
    try:
        await owner.execute("set local session_replication_role = replica")
        await owner.execute(
            """insert into entity_fact (batch, ordinal, party, content, name, kind, independent_legal_person, region,
               state_body) values (1, 0, 911, '{}', 'a', 'enterprise', true, '340100', false),
               (1, 1, 912, '{}', 'b', 'enterprise', true, '340223', false)"""
        )
        await owner.execute(
            """insert into chip_fact (batch, ordinal, chip, content, tflops_fp16, source, valid_from) values
               (1, 0, 91, '{}', 7, 's', null), (2, 0, 91, '{}', 100, 's', null),
               (2, 1, 91, '{}', 200, 's', '2025-09-02')"""
        )
        await owner.execute(
            """insert into facility_fact (batch, ordinal, facility, content, name, region, intelligent, valid_from)
               values (1, 0, 92, '{}', 'f', '340100', true, null),
               (1, 1, 92, '{}', 'f', '340100', true, '2025-10-01')"""
        )
        await owner.execute(
            """insert into facility_owner (batch, ordinal, party, share) values
               (1, 0, 911, 0.6), (1, 0, 912, 0.4), (1, 1, 912, 1)"""
        )
        await owner.executemany(
            """insert into rollup (last_batch, day, consumer, facility, chip, purpose, via_platform, millicard_seconds,
               charge_fen, pieces, starts) values (1, $1, $2, 92, 91, $3, $4, $5, $6, 1, 1)""",
            [
                (day_number(date(2025, 9, 1)), 911, 1, True, 100 * HOUR, 7),  # 10 PFLOPS-hours of the first investor
                (day_number(date(2025, 9, 2)), 912, 0, True, 100 * HOUR, 11),  # 20 of the second
                (day_number(date(2025, 10, 1)), 913, 1, True, 10 * HOUR, 13),  # 2 of a stranger; the second's alone
                (day_number(date(2025, 10, 1)), 913, 1, False, 10 * HOUR, 17),  # past the platform
            ],
        )
        found = {(one.pop("month"), one.pop("city")): tuple(one.values()) for one in await used_and_supplied(owner)}
        assert found == {  # consumed, supplied, net in tenths; fen, of them without a purpose
            ("2025-09", "340100"): (100, 120, -20, 7, 0),
            ("2025-09", "340200"): (200, 40, 160, 11, 11),
            ("2025-10", "340200"): (0, 20, -20, 0, 0),
            ("2025-10", None): (20, 0, 20, 13, 0),
        }
    finally:
        await trial.rollback()
