"""Every figure that a city can read follows from that city's own data.

Two provinces are alike but for the other cities, where everybody uses two and a half times as much. What key or person
of a city is shown on any route, in any format, is the same in both, to the last digit; only the order itself (its
budget) differs, which is the province's word to everybody.
"""

from __future__ import annotations

import contextlib
import io
import re
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pyarrow.parquet as pq
import pytest_asyncio

from api.auth.roles import SCOPES
from api.console.sessions import SESSION_COOKIE
from tests.security.test_cities import Province as Standing
from tests.security.test_cities import filled, keyed, routes_of
from tests.support.api_client import ApiClient, good
from tests.support.people import session_of
from tests.support.postgres import Cluster
from tests.support.province import (
    CITIES,
    account_of,
    approve_accounts,
    code_of,
    decide,
    locked,
    people_of,
    register,
    run,
    use,
)
from tests.support.records import chip, entity, facility, uscc
from tests.support.serving import in_process
from tests.support.worlds import post

OURS, *OTHERS = CITIES
CHARGE, BUDGET = 100_000, 61_234
VARYING = {
    r"(sm3|sha256|aes-256-gcm):[0-9a-zA-Z+/=]+": "DIGEST",
    r"\b[0-9a-f]{16,}\b": "DIGEST",
    r"[A-Za-z0-9_-]{32,}": "TOKEN",
    r"\b(holder|city-holder|person)-\d+\b": "NAME",
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?": "MOMENT",
    r"\b(holder|urn:\w+):[-\w]+": "NAME",
}
"""What differs between two runs of the same thing: digests, random names and moments; no figure of anybody."""


@dataclass(frozen=True)
class Twin:
    """One of the two provinces: settlements locked, under review with a budget, and adjusting the locked one."""

    door: ApiClient
    numbers: tuple[str, ...]
    budget: int
    """The order's budget in fen: said to everybody, whoever's the lines are."""

    def plain(self, text: str) -> str:
        """A text without what differs between any two runs."""
        for place, number in enumerate(self.numbers):
            text = text.replace(number, f"SETTLEMENT-{place}")
        for spelled in (f"{self.budget / 100:,.2f}", f"{self.budget / 100:.2f}", f"{self.budget:,}", str(self.budget)):
            text = text.replace(spelled, "BUDGET")
        for pattern, word in VARYING.items():
            text = re.sub(pattern, word, text)
        return text


@contextlib.asynccontextmanager
async def twin(cluster: Cluster, times: float, name: str) -> AsyncIterator[Twin]:
    """A province in which the others use so many times as much as we do, and are called otherwise."""
    charges = {code_of(city, number): CHARGE if city == OURS else int(CHARGE * times)
               for city in CITIES for number in range(2)}  # fmt: skip
    sum_of_all = sum(charges.values())
    async with cluster.database() as url, in_process(url) as door:
        entities = [
            entity(code_of(city, number), name=f"{city}-{number} 有限公司" if city == OURS else f"{name}{number}",
                   region=city[:5] + "2",
                   bank_account=account_of(city, number) | ({} if city == OURS else {"holder": f"{name}{number}"}))
            for city in CITIES for number in range(2)
        ]  # fmt: skip
        owners = [{"uscc": uscc(999), "share": "1"}]
        await register(door, {"/chips": [chip()], "/facilities": [facility(owners=owners)], "/entities": entities})
        await approve_accounts(door)
        platform = await door.platform()
        await use(platform, charges)
        people = await people_of(door)
        budget = BUDGET * sum_of_all // (CHARGE * len(charges))  # the same share of the whole in both
        first = await locked(people)
        await use(platform, {code: fen // 10 for code, fen in charges.items()}, hour=10)
        second = await run(people.clerk, budget_fen=budget)
        good(await decide(people.clerk, second["id"], "submit"))
        good(await decide(people.reviewer, second["id"], "review", city=OURS, decision="pass"))
        good(await decide(people.reviewer, second["id"], "review", city=OTHERS[0], decision="pass"))
        third = await post(people.clerk, f"/settlements/{first['id']}/adjustments")
        assert third.status_code == 201, third.text
        good(await post(people.payer, "/payouts/claim", {"limit": 4, "worker": "w"}))
        yield Twin(door, (first["id"], second["id"], third.json()["id"]), budget)


@pytest_asyncio.fixture(scope="module")
async def twins(cluster: Cluster) -> AsyncIterator[tuple[Twin, Twin]]:
    """Both provinces."""
    async with twin(cluster, 1, "甲公司") as one, twin(cluster, 2.5, "乙公司") as other:
        yield one, other


def told(content: bytes) -> str:
    """What an answer tells, whatever its format."""
    if content[:4] == b"PAR1":
        return repr(pq.read_table(io.BytesIO(content)).to_pylist())
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            sheets = sorted(name for name in book.namelist() if name.endswith(".xml"))
            return "\n".join(book.read(name).decode() for name in sheets)
    if content[:4] == b"%PDF":
        return (
            "the statement"  # its letters follow from digests; what it says is compared as the page that it is made of
        )
    return content.decode()


def targets(one: Twin, prefix: str) -> list[str]:
    """Every GET route that there is, with our own values, for each settlement, in every format."""
    found: set[str] = set()
    for method, path in routes_of(one.door):
        full = path if path.startswith(("/v1", "/console")) else f"/console{path}"
        if method != "GET" or not full.startswith(prefix):
            continue
        for number in one.numbers:
            for target in filled(full, Standing(one.door, number, number), OURS, thorough=True):
                found.add(target)
                if "report" in target and "?" not in target:
                    kinds = ("xlsx", "csv", "json", "parquet")
                    layouts = ("summary", "lines", "city")
                    stem = target.rsplit(".", 1)[0] if "." in target.rsplit("/", 1)[1] else target
                    found |= {f"{stem}.{kind}?layout={layout}" for kind in kinds for layout in layouts}
    return sorted(found)


async def everything(one: Twin, prefix: str) -> dict[str, str]:
    """Target (with settlements by their places) -> status and what is told, for who is bound to our city."""
    if prefix == "/v1":
        headers = {"Authorization": f"Bearer {(await keyed(one.door, OURS, *SCOPES)).key}"}
    else:
        session = await session_of(one.door, "复核人", "reviewer", OURS)
        headers = {"Cookie": f"{SESSION_COOKIE}={session}"}
    found = {}
    for target in targets(one, prefix):
        answer = await one.door.client.get(target, headers=headers)
        assert answer.status_code < 500, (target, answer.text[:300])
        found[one.plain(target)] = f"{answer.status_code} {one.plain(told(answer.content))}"
    return found


async def alike(twins: tuple[Twin, Twin], prefix: str) -> dict[str, str]:
    """Ask both for everything; what is told, which must be the same."""
    one, other = [await everything(each, prefix) for each in twins]
    assert one.keys() == other.keys()
    for target, text in one.items():
        assert text == other[target], (target, first_difference(text, other[target]))
    return one


def first_difference(ours: str, theirs: str) -> tuple[str, str]:
    """Where two texts part."""
    place = next((n for n, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), 0)
    return ours[max(0, place - 120) : place + 120], theirs[max(0, place - 120) : place + 120]


async def test_no_figure_of_the_interface_depends_on_another_city(twins: tuple[Twin, Twin]) -> None:
    found = await alike(twins, "/v1")
    shown = [target for target, text in found.items() if text.startswith("200")]
    assert len(shown) > 60
    assert any(target.endswith(".xlsx?layout=city") for target in shown)


async def test_no_figure_of_the_console_depends_on_another_city(twins: tuple[Twin, Twin]) -> None:
    found = await alike(twins, "/console")
    assert sum(text.startswith("200") for text in found.values()) > 15


async def test_the_two_provinces_do_differ(twins: tuple[Twin, Twin]) -> None:
    """Or the tests above would show nothing."""
    totals = []
    for each in twins:
        reader = await keyed(each.door, None, "report:read")
        totals.append([good(await reader.get(f"/settlements/{number}"))["totals"] for number in each.numbers])
    assert all(one["award_fen"] != other["award_fen"] for one, other in zip(*totals, strict=True))
