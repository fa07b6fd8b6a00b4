"""A seeded province of any size as clients send it: entities by the ten thousand, and their usage as Arrow bodies."""

from __future__ import annotations

import json
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
PROBED = ("2025-02-03", "2025-02-04")  # a day before everything else, and its end


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


def usage(
    entities: int, records: int, *, behind: int = 0, at_once: int = AT_ONCE, seed: int = 20260416
) -> Iterator[tuple[int, bytes]]:
    """Yield bodies of at most so many records, with how many each holds; every entity uses something.

    `behind` so many records of the same province that were sent before.
    """
    codes = np.array([code(number) for number in range(entities)])
    for first in range(behind, behind + records, at_once):
        count = min(at_once, behind + records - first)
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


def probe_body(number: int) -> tuple[bytes, str]:
    """Return one record on the day that has no other, and its content type."""
    record = {
        "id": f"probe{number:06d}", "consumer": code(0), "facility": FACILITIES[0], "chip": CHIPS[0], "cards": 1,
        "started_at": f"{PROBED[0]}T00:00:00Z", "ended_at": f"{PROBED[0]}T00:01:00Z", "charge_fen": 1,
        "purpose": "research",
    }  # fmt: skip
    return json.dumps(record).encode() + b"\n", "application/x-ndjson"
