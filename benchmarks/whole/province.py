"""A seeded province of any size as clients send it: entities by the ten thousand, and their usage as Arrow bodies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from benchmarks.ingest.province import CHIPS, FACILITIES, body
from tests.support.records import ARROW, chip, entity, facility, uscc

AT_ONCE = 10_000
CITIES = ("340100", "340200", "340300", "340400", "341200", "341300")
FIRST_SECOND, SECONDS = 1_756_684_800, 200 * 86_400  # 2025-09-01 on, inside anhui-2026
KINDS = ("enterprise", "enterprise", "university", "research_institute")
OWNERS_FROM = 9_000_000


def code(number: int) -> str:
    """Return the credit code of an entity."""
    return uscc(number, CITIES[number % len(CITIES)])


def registrations(entities: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield registry items by path, at most 10,000 a request; owners are entities that use nothing."""
    yield "chips", [chip(name) for name in CHIPS]
    for first in range(0, entities, AT_ONCE):
        yield "entities", [_entity(number) for number in range(first, min(first + AT_ONCE, entities))]
    yield (
        "facilities",
        [
            facility(name, owners=[{"uscc": code(OWNERS_FROM + place), "share": "1"}])
            for place, name in enumerate(FACILITIES)
        ],
    )


def _entity(number: int) -> dict[str, Any]:
    return entity(
        code(number), name=f"示例单位{number:07d}", kind=KINDS[number % len(KINDS)],
        independent_legal_person=number % 97 != 0, region=CITIES[number % len(CITIES)],
        ai_enterprise=None if number % 31 == 0 else True,
    )  # fmt: skip


def usage(entities: int, records: int, seed: int = 20260416) -> Iterator[tuple[int, bytes]]:
    """Yield bodies of at most 10,000 records, with how many each holds; every entity uses something."""
    codes = np.array([code(number) for number in range(entities)])
    for first in range(0, records, AT_ONCE):
        count = min(AT_ONCE, records - first)
        chance = np.random.default_rng((seed, first))
        consumer = np.arange(first, first + count) % entities
        facility = (consumer * 7 + chance.integers(0, 3, count)) % len(FACILITIES)
        started = FIRST_SECOND + chance.integers(0, SECONDS, count)
        frame = pl.DataFrame(
            {
                "id": [f"w{number:010d}" for number in range(first, first + count)],
                "consumer": codes[consumer],
                "facility": np.array(FACILITIES)[facility],
                "chip": np.array(CHIPS)[facility % len(CHIPS)],
                "cards": chance.choice(np.array([1, 2, 4, 8]), count),
                "started_at": started,
                "ended_at": started + chance.integers(60, 12 * 3600, count),
                "charge_fen": chance.integers(0, 1_000_000, count),
                "purpose": np.array(["research", "research", "commercial"])[chance.integers(0, 3, count)],
            }
        ).with_columns(pl.from_epoch(name, "s").dt.replace_time_zone("UTC") for name in ("started_at", "ended_at"))
        yield count, body(frame, ARROW)
