"""What the fuzzed service holds, something of everything in several states, and who may ask."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.auth.roles import COMPANY, ROLES, SCOPES, SCOPES_OF
from api.console.sessions import SESSION_COOKIE, session_form_token
from settlement.checkpoint.make import make
from tests.intake.sample import A, B
from tests.security.tampering import owner_connection
from tests.support.api_client import ApiClient, KeyClient, good
from tests.support.people import session_of
from tests.support.province import CITIES, approved, code_of, decide, locked, people_of, populate, run, use
from tests.support.records import chip, entity, facility, holding, usage, uscc
from tests.support.worlds import post

_NUMBERS = itertools.count(1)
STATEMENT = "交易日期,借方金额,贷方金额,交易流水号,对方户名,对方账号,摘要\n2026-11-01,1.00,,F1,b,1,x\n"


@dataclass
class Scene:
    """A service in the middle of its life."""

    door: ApiClient
    keys: list[KeyClient] = field(default_factory=list)
    everyone: KeyClient | None = None
    sessions: list[tuple[str, str]] = field(default_factory=list)
    """Cookies of a person of every role, and the token of the forms of that session."""
    known: dict[str, list[Any]] = field(default_factory=dict)
    """What there is, by the name of a parameter or field."""

    @classmethod
    async def of(cls, door: ApiClient) -> Scene:
        """Bring a fresh service to where there is something of everything."""
        scene = cls(door)
        scene.everyone = await door.holder(*SCOPES, source="fuzz")
        scene.keys = [scene.everyone] * 25  # most requests shall get past the scopes
        for role in ROLES:
            scene.keys.append(await door.holder(*(SCOPES_OF[role] or {"usage:read"})))
        scene.keys.append(await door.holder("report:read", "settlement:review", "payout:read", city=CITIES[0]))
        scene.keys.append(await door.platform())
        platform = await populate(door)
        await _live(scene, platform)
        await scene.log_in()
        connection = await owner_connection(door.url)
        await make(connection, "log.example", Ed25519PrivateKey.generate())
        await connection.close()
        await scene.look()
        return scene

    async def log_in(self) -> None:
        """A session of a new person of every role: some of the last ones may have been ended."""
        self.sessions = []
        for role in ROLES:
            session = await session_of(
                self.door, f"{role}-{next(_NUMBERS)}", role, uscc=code_of(CITIES[0], 0) if role == COMPANY else None
            )
            self.sessions.append((f"{SESSION_COOKIE}={session}", session_form_token(session)))

    async def look(self) -> None:
        """See again what there is."""
        holder = self.everyone
        assert holder is not None
        settlements = await holder.items("/settlements", limit=100)
        lists = {name: await holder.items(f"/{name}", limit=200) for name in ("payouts", "claims", "jobs")}
        references = [one["reference"] for one in lists["payouts"]]
        self.known = {
            "settlement": [one["id"] for one in settlements], "digest": [one["digest"] for one in settlements],
            "number": [*(one["id"] for one in settlements), 1, 2, 3, 5],
            "job": [one["id"] for one in lists["jobs"]] or [1],
            "uscc": [A, B, uscc(1), uscc(999), *(code_of(city, one) for city in CITIES for one in (0, 1))],
            "reference": references or ["SB-1"],
            "round": ["anhui-2024-1", "anhui-2025", "anhui-2026", "yinchuan-draft"],
            "instructions": [[1], [2, 3], [one["id"] for one in lists["payouts"]]], "city": list(CITIES),
            "region": [*CITIES, "340202", "34", "340000"], "worker": ["w", "v"], "fence": [1, 2],
            "facility": ["hf-01", "hub", "合肥-1"], "chip": ["card-a", "K1000"],
            "source": ["fuzz", platform_name(self)], "share": ["0.25", "0.3", "1"], "consumer": [A, uscc(1)],
            "holder": [uscc(51), uscc(52)], "held": [uscc(999), uscc(1)], "rate": ["0.20", "0.1", "0"],
            "decision": ["pass", "return", "dismissed"],
            "order": [{"rate": "0.20"}, {"rate": "0.1", "notice_days": 0}], "batch": [1, 2, 3],
            "record_id": ["u1", "h1"], "readings": [{}, {"related": "0.50"}], "ordinal": [0, 1], "row": [1, 2],
            "size": [1, 2],
            "kind": [ "csv", "xlsx", "json", "parquet", "repaid", "offset", "waive", "invoice", "enterprise"],
            "from": ["2025-09-01", "2020-01-01", "2025-09-01T00:00:00+08:00"], "to": ["2025-09-30", None],
            "valid_from": ["2025-01-01", "2015-01-01"], "valid_to": ["9999-12-31", None, "2030-01-01"],
            "as_of": [1, 2, None],
            "event": ["submit", "review", "approve", "publish", "lock", "cancel", "objection"],
            "word": ["retry", "settle", "approve", "reject", "propose", "stop"], "objection": [1, 2],
            "proposal": [1, 2], "layout": ["summary", "lines", "city"], "by": ["day", "consumer,facility,chip,day"],
            "limit": [1, 2, 1000], "sort": ["name", "award"], "page": [1, 2], "q": ["3401", "公司"],
            "status": ["paid", "open", "held", "ready"], "name": ["a.csv", "示例单位"], "rest": ["x", "x/y"],
            "objection_": [1], "mapping": ["standard", "direction"],
        }  # fmt: skip


def platform_name(scene: Scene) -> str:
    """The source of the key that only sends."""
    return scene.keys[-1].name


async def _live(scene: Scene, platform: KeyClient) -> None:
    door, everyone = scene.door, scene.everyone
    assert everyone is not None
    people = await people_of(door)
    for path, items in {
        "/facilities": [facility("hub"), facility("合肥-1")], "/chips": [chip("K1000"), chip("new")],
        "/entities": [entity(A, bank_account={"bank": "b", "account": "1", "holder": "h"}), entity(uscc(50))],
        "/holdings": [holding(uscc(51), uscc(999), "0.5")],
        "/control-totals": [{"day": "2025-09-01", "records": 1, "charge_fen": 2}],
    }.items():  # fmt: skip
        good(await everyone.put(path, items))
    await everyone.push(usage("h1"), usage("h1", charge_fen=5), usage("h2", cards=0), usage("h3", facility="hf-99"))
    (too_much,) = await use(platform, {code_of(CITIES[2], 1): 500_000}, hour=10)
    for rate in ("0.05", "0.10", "0.15"):
        made = (await run(people.clerk, rate=rate, notice_days=0))["id"]
        if rate != "0.05":
            good(await decide(people.clerk, made, "submit"))
        if rate == "0.15":
            good(await decide(people.reviewer, made, "review", decision="pass"))
    good(await post(everyone, f"/settlements/{(await run(people.clerk, notice_days=1))['id']}/findings", {}))
    number = (await locked(people, number="fuzz"))["id"]
    rule = (await post(people.payer, "/payout-rules", {"run_limit_fen": 10**15})).json()
    good(await post(people.second, f"/payout-rules/{rule['id']}/confirm"))
    leased = good(await post(people.payer, "/payouts/claim", {"limit": 4, "worker": "w"}))["items"]
    for one, mark in zip(leased, ("paid", "failed", "disputed", "submitted"), strict=True):
        said = {"worker": "w", "fence": 1, **({"bank_reference": "B1"} if mark == "paid" else {})}
        good(await post(people.payer, f"/payouts/{one['id']}/{mark}", said))
    made = (await post(people.payer, "/payout-runs", {"settlement": number})).json()
    good(await post(people.approver, f"/payout-runs/{made['id']}/approve", {"digest": made["digest"]}))
    headers = {"Authorization": f"Bearer {everyone.key}", "Content-Type": "text/csv"}
    await door.client.post("/v1/bank-statements?name=a.csv", content=STATEMENT.encode(), headers=headers)
    await platform.push({"id": "back", "corrects": too_much, "action": "void"})
    adjustment = (await post(people.clerk, f"/settlements/{number}/adjustments", {})).json()["id"]
    await approved(people, adjustment)
    good(await decide(people.approver, adjustment, "lock"))
