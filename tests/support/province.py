"""A small province: entities of three cities that use compute of a stranger, and the people who settle it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.api_client import ApiClient, KeyClient, good
from tests.support.build_province import Province
from tests.support.records import Record, chip, usage, uscc
from tests.support.worlds import post

CITIES = ("340100", "340200", "340300")
_RUNS = itertools.count(1)


@dataclass(frozen=True)
class People:
    """Holders of keys, one for each part in a settlement's life."""

    clerk: KeyClient
    reviewer: KeyClient
    approver: KeyClient
    second: KeyClient
    payer: KeyClient


def code_of(city: str, number: int) -> str:
    """The code of an entity of a city."""
    return uscc(int(city[:4]) * 1000 + number)


def account_of(city: str, number: int) -> dict[str, str]:
    """The bank account of an entity of a city."""
    return {"bank": "测试银行", "account": f"6222{city}{number:04d}", "holder": f"{city}-{number} 有限公司"}


async def people_of(door: ApiClient) -> People:
    """Fresh keys, so that nobody has decided anything yet."""
    return People(
        clerk=await door.holder("settlement:run", "report:read", "payout:read"),
        reviewer=await door.holder("settlement:review", "report:read"),
        approver=await door.holder("settlement:approve", "report:read", "payout:read"),
        second=await door.holder("settlement:approve", "report:read"),
        payer=await door.holder("payout:run", "payout:read"),
    )


async def register(door: ApiClient, items: dict[str, list[Record]]) -> KeyClient:
    """Put items, by path, in the registry, all of which must be new and good; who keeps it."""
    registrar = await door.registrar()
    for path, found in items.items():
        answer = good(await registrar.put(path, found))
        assert (answer["accepted"], answer["refused"]) == (len(found), 0), answer
    return registrar


async def approve_accounts(door: ApiClient, uscc: str | None = None) -> list[int]:
    """Have somebody who recorded nothing approve every account that waits (of one entity, or of all); the proposals."""
    second = await door.holder("settlement:approve", "payout:read")
    waiting = await second.items("/account-proposals", status="proposed", entity=uscc, limit=1000)
    for one in waiting:
        said = {"confirm_holder": True} if one["holder_differs"] else {}
        done = good(await post(second, f"/account-proposals/{one['id']}/approve", said))
        assert (done["status"], done["decided_by"]) == ("approved", f"key:{second.name}")
    return [one["id"] for one in waiting]


async def populate(door: ApiClient, entities_a_city: int = 2) -> KeyClient:
    """Register the province, accounts included, and send its first usage; the platform that sent it."""
    stranger = uscc(999)
    made = Province(chips=[chip()]).facility("hf-01", **{stranger: "1"})
    for city in CITIES:
        for number in range(entities_a_city):
            made.party(
                code_of(city, number), name=f"{city}-{number} 有限公司", region=city[:5] + "2",
                bank_account=account_of(city, number),
            )  # fmt: skip
    await register(door, made.registry())
    assert await approve_accounts(door) == [], "first accounts in their own names are in force at once"
    platform = await door.platform()
    await use(platform, {code_of(city, number): 100_000 for city in CITIES for number in range(entities_a_city)})
    return platform


async def use(platform: KeyClient, charges: dict[str, int], hour: int = 8) -> list[str]:
    """One record an entity, with its charge; the records' ids."""
    names = [f"u{next(_RUNS)}" for _ in charges]
    receipt = await platform.push(
        *(
            usage(
                name, consumer=code, charge_fen=fen,
                started_at=f"2025-09-01T{hour:02d}:00:00+08:00", ended_at=f"2025-09-01T{hour + 1:02d}:00:00+08:00",
            )
            for name, (code, fen) in zip(names, charges.items(), strict=True)
        )
    )  # fmt: skip
    assert receipt["accepted"] == len(charges), receipt
    return names


async def run(clerk: KeyClient, **order: object) -> dict[str, Any]:
    """A new settlement of anhui-2026 at 20 %; where the round is locked, other terms are meant."""
    asked = {"round": "anhui-2026", "order": {"rate": "0.20", **order}, "other_terms": True}
    answer = await post(clerk, "/settlements", asked)
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json()
    return found


async def decide(holder: KeyClient, settlement: str, event: str, **said: object) -> httpx.Response:
    """One decision about a settlement."""
    return await post(holder, f"/settlements/{settlement}/{event}", said)


async def approved(people: People, settlement: str) -> None:
    """Take a settlement from its run to its approval, all cities at once."""
    good(await decide(people.clerk, settlement, "submit"))
    good(await decide(people.reviewer, settlement, "review", decision="pass"))
    good(await decide(people.approver, settlement, "approve"))


async def locked(people: People, **order: object) -> dict[str, Any]:
    """A settlement taken by the shortest way from its run to its lock."""
    made = await run(people.clerk, **order)
    await approved(people, made["id"])
    good(await decide(people.approver, made["id"], "lock"))
    return good(await people.clerk.get(f"/settlements/{made['id']}"))
