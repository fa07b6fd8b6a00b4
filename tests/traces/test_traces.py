"""Real GPU traces pushed by the dispatch platform's own client: every record counted, exact to the card-second."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
import pytest_asyncio

from tests.support.api_client import ApiClient, KeyClient
from tests.support.serving import Served, over_http
from tests.traces.client import TRACES, build, push

ITP_RECORDS, ITP_CARD_SECONDS = 69_351, 5_877_791_065
ITP_CLUSTERS = (
    81864453, 445494106, 595593077, 2540458386, 51491311, 445963163, 1320479327, 241559936, 140402737, 14484569,
)  # fmt: skip
ITP_MONTHS = {
    "UTC": (("2021-03-01T00:00:00Z", "2021-04-01T00:00:00Z", "2021-05-01T00:00:00Z", "2021-06-01T00:00:00Z"),
            (2576321152, 3208014028, 93455885)),
    "Shanghai": (("2021-03-01", "2021-04-01", "2021-05-01", "2021-06-01"), (2545651960, 3215103915, 117035190)),
}  # fmt: skip
PHILLY_CARD_SECONDS = 3_521_082_502
ITP_TWINS, PHILLY_TWINS = 280, 65


@pytest_asyncio.fixture(scope="module")
async def door(server: Served, database: str) -> AsyncIterator[ApiClient]:
    """The way in to the service as a process."""
    async with over_http(server.url, database) as opened:
        yield opened


class Platform:
    """The dispatch platform's client for one trace, sending as a source of its own."""

    def __init__(self, door: ApiClient, server: Served, folder: Path, registrar: KeyClient, sender: KeyClient) -> None:
        self.door, self.server, self.folder, self.registrar, self.sender = door, server, folder, registrar, sender

    def push(self) -> dict[str, int]:
        """The receipts' sums."""
        found = json.loads(push(self.folder, self.server.url, self.registrar.key, self.sender.key))
        assert isinstance(found, dict)
        return found

    def twins(self) -> int:
        """Records that equal another in everything but their ids (and the invented purpose, which follows the id)."""
        lines = [json.loads(line) for line in (self.folder / "usage.ndjson").read_text().splitlines()]
        measured = ("facility", "cards", "started_at", "ended_at")
        seen = Counter(tuple(line[name] for name in measured) for line in lines)
        return sum(count - 1 for count in seen.values())


async def platform(door: ApiClient, server: Served, folder: Path, trace: str, shift_days: int) -> Platform:
    """A platform with a trace to push."""
    build(trace, folder, shift_days)
    return Platform(door, server, folder, await door.registrar(), await door.platform())


async def card_seconds(door: ApiClient, **query: str) -> list[tuple[str, int, int]]:
    """Metered totals: the first `by` column, card-seconds, records."""
    reader = await door.holder("usage:read")
    found = []
    for item in await reader.items("/usage-totals", **query):
        seconds = Fraction(item["card_hours"]) * 3600
        assert seconds.denominator == 1
        found.append((str(next(iter(item.values()))), int(seconds), item["records"]))
    return found


async def test_itp_is_accepted_whole_exact_and_once(door: ApiClient, server: Served, tmp_path: Path) -> None:
    itp = await platform(door, server, tmp_path, "ms_itp_2021", 1645)
    assert itp.push() == {
        "received": ITP_RECORDS, "accepted": ITP_RECORDS, "duplicate": 0, "conflict": 0, "refused": 0,
    }  # fmt: skip
    [(_, seconds, records)] = await card_seconds(door)
    assert (seconds, records) == (ITP_CARD_SECONDS, ITP_RECORDS)
    clusters = await card_seconds(door, by="facility")
    assert tuple(seconds for _, seconds, _ in clusters) == ITP_CLUSTERS
    days = await card_seconds(door, by="day")
    assert sum(seconds for _, seconds, _ in days) == ITP_CARD_SECONDS
    before = [await card_seconds(door, by=by) for by in ("facility", "consumer", "chip")]
    assert itp.push() == {
        "received": ITP_RECORDS, "accepted": 0, "duplicate": ITP_RECORDS, "conflict": 0, "refused": 0,
    }  # fmt: skip
    assert [await card_seconds(door, by=by) for by in ("facility", "consumer", "chip")] == before


async def test_unshifted_its_months_are_exact_in_both_time_zones(
    door: ApiClient, server: Served, tmp_path: Path
) -> None:
    itp = await platform(door, server, tmp_path, "ms_itp_2021", 0)
    assert itp.push()["accepted"] == ITP_RECORDS
    for edges, expected in ITP_MONTHS.values():
        for start, end, seconds in zip(edges, edges[1:], expected, strict=False):
            [(_, found, _)] = await card_seconds(door, from_=start, to=end)
            assert found == seconds, (start, end)


async def test_philly_is_exact_and_its_twins_are_counted(door: ApiClient, server: Served, tmp_path: Path) -> None:
    philly = await platform(door, server, tmp_path, "philly_2017_vc", 0)
    sent = philly.push()
    assert sent["accepted"] == sent["received"]
    [(_, seconds, records)] = await card_seconds(door, from_="2017-01-01", to="2018-06-01")
    assert seconds == PHILLY_CARD_SECONDS
    assert records == sent["accepted"], "twins under different ids are two uses, not one"
    assert philly.twins() >= PHILLY_TWINS


@pytest.mark.parametrize(("trace", "twins"), [("ms_itp_2021", ITP_TWINS), ("philly_2017_vc", PHILLY_TWINS)])
def test_the_traces_have_the_twins_they_are_said_to_have(trace: str, twins: int) -> None:
    jobs = pl.read_parquet(TRACES / f"{trace}.parquet")
    measured = jobs.select("provider", "tenant", "gpu_count", "start", "end")
    assert measured.height - measured.unique().height == twins
