"""Random lives: whoever decides whatever in whatever order, the database agrees with a plain model of the rules."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field

import asyncpg

from tests.support.api_client import ApiClient, KeyClient
from tests.support.clock import later
from tests.support.province import CITIES, People, decide, run
from tests.support.worlds import post

LIVES = int(os.environ.get("SUANBU_LIVES", "25"))
STEPS = 45
SEED = 20261128
NAMES = ("ann", "bo", "cai", "dan", "eve", "fei")


@dataclass
class Life:
    """The rules in plain Python: what has happened, and what may happen next."""

    maker: str
    order_days: int | None
    state: str = "computed"
    makers: set[str] = field(default_factory=set)
    reviewers: set[str] = field(default_factory=set)
    approvers: set[str] = field(default_factory=set)
    passed: set[str] = field(default_factory=set)
    notice: bool = False
    objections: dict[int, str | None] = field(default_factory=dict)
    raised: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.makers.add(self.maker)

    def allows(self, event: str, who: str, said: dict[str, object], ended: bool) -> bool:
        """Whether the decision is one that the rules let happen; if so, it has."""
        method = getattr(self, f"_{event}")
        return bool(method(who, said, ended))

    def _submit(self, who: str, _said: dict[str, object], _ended: bool) -> bool:
        if self.state not in ("computed", "returned"):
            return False
        self.makers.add(who)
        self.state, self.passed = "submitted", set()
        return True

    def _review(self, who: str, said: dict[str, object], _ended: bool) -> bool:
        if who in self.makers | self.approvers or self.state not in ("submitted", "reviewed"):
            return False
        if said["decision"] == "return":
            self.state = "returned"
        elif self.state == "reviewed":
            return False
        else:
            self.passed |= {str(said["city"])} if "city" in said else set(CITIES)
            self.state = "reviewed" if self.passed == set(CITIES) else "submitted"
        self.reviewers.add(who)
        return True

    def _approve(self, who: str, _said: dict[str, object], _ended: bool) -> bool:
        if who in self.makers | self.reviewers or self.state not in ("reviewed", "approved", "published"):
            return False
        self.approvers.add(who)
        self.state = "approved" if self.state == "reviewed" else self.state
        return True

    def _publish(self, who: str, said: dict[str, object], _ended: bool) -> bool:
        if who in self.makers or self.state != "approved" or int(str(said["days"])) < (self.order_days or 0):
            return False
        self.state, self.notice = "published", True
        return True

    def _lock(self, who: str, _said: dict[str, object], ended: bool) -> bool:
        if who in self.makers | self.reviewers or self.state not in ("approved", "published"):
            return False
        open_or_upheld = any(ruling != "dismissed" for ruling in self.objections.values())
        if (self.notice and (not ended or open_or_upheld)) or (not self.notice and self.order_days):
            return False
        self.state = "locked"
        return True

    def _cancel(self, _who: str, _said: dict[str, object], _ended: bool) -> bool:
        if self.state in ("locked", "paid", "cancelled"):
            return False
        self.state = "cancelled"
        return True

    def _objection(self, _who: str, _said: dict[str, object], _ended: bool) -> bool:
        return self.state == "published"

    def _ruling(self, who: str, said: dict[str, object], _ended: bool) -> bool:
        number = int(str(said["objection"]))
        known = number in self.objections and self.raised[number] != who and self.objections[number] is None
        if who in self.makers or self.state != "published" or not known:
            return False
        self.objections[number] = str(said["decision"])
        return True


async def test_the_database_agrees_with_a_plain_model(
    people: People, app: ApiClient, owner: asyncpg.Connection
) -> None:
    chance = random.Random(SEED)
    every = ("settlement:run", "settlement:review", "settlement:approve", "report:read")
    hands = {name: await app.holder(*every, name=name) for name in NAMES}
    happened = refused = 0
    ends: dict[str, int] = {}
    for number in range(LIVES):
        days = chance.choice([None, 0, 2])
        order = {} if days is None else {"notice_days": days}
        maker = chance.choice(NAMES)
        made = await run(hands[maker], number=f"life {number}", **order)
        life = Life(maker, days)
        for _ in range(STEPS):
            event, who, said = _choice(chance, life)
            ended = True
            if event == "lock" and chance.random() < 0.5:
                async with later(owner, days=9):
                    answer = await _tell(hands[who], made["id"], event, said)
            else:
                ended = not await _running(owner, made["id"])
                answer = await _tell(hands[who], made["id"], event, said)
            expected = life.allows(event, who, said, ended)
            assert (answer[0] == 200) == expected, (SEED, number, event, who, said, answer, life)
            happened, refused = happened + expected, refused + (not expected)
            if event == "objection" and expected:
                raised = await owner.fetchval("select max(id) from settlement_event where settlement = $1", made["id"])
                life.objections[raised], life.raised[raised] = None, who
            assert await owner.fetchval("select status from settlement where id = $1", made["id"]) == life.state
            if life.state == "locked":
                break
        ends[life.state] = ends.get(life.state, 0) + 1
        if life.state not in ("cancelled", "locked"):
            await decide(people.clerk, made["id"], "cancel")
    assert happened > LIVES, (happened, refused, ends)
    assert refused > LIVES, (happened, refused, ends)
    assert ends.get("locked", 0) > LIVES // 10, "what is locked first is adjusted by those that follow"
    print(f"seed {SEED}: {happened} decisions happened, {refused} were refused, ends {ends}")


def _choice(chance: random.Random, life: Life) -> tuple[str, str, dict[str, object]]:
    """A decision: mostly one that the state has room for, now and then any other."""
    likely = {
        "computed": ["submit"], "returned": ["submit"], "submitted": ["review"] * 4, "reviewed": ["approve", "review"],
        "approved": ["publish", "publish", "lock"], "published": ["objection", "ruling", "ruling", "lock"],
    }  # fmt: skip
    others = ["submit", "review", "approve", "publish", "objection", "ruling", "lock"] * 3 + ["cancel"]
    event = chance.choice(likely.get(life.state, others) if chance.random() < 0.75 else others)
    said: dict[str, object] = {}
    if event == "review":
        said = {"decision": chance.choice(["pass"] * 5 + ["return"]), "note": "x"}
        if chance.random() < 0.8:
            said["city"] = chance.choice(CITIES)
    elif event == "publish":
        said = {"days": chance.choice([0, 1, 2, 3])}
    elif event == "objection":
        said = {"note": "x"}
    elif event == "ruling":
        said = {
            "objection": chance.choice([*life.objections, 1]), "note": "x",
            "decision": chance.choice(["dismissed", "dismissed", "upheld"]),
        }  # fmt: skip
    return event, chance.choice(NAMES), said


async def _tell(holder: KeyClient, number: str, event: str, said: dict[str, object]) -> tuple[int, str]:
    if event == "ruling":
        path = f"/settlements/{number}/objections/{said['objection']}"
        answer = await post(holder, path, {name: value for name, value in said.items() if name != "objection"})
    else:
        answer = await decide(holder, number, "objections" if event == "objection" else event, **said)
    assert answer.status_code in (200, 403, 404, 409), answer.text
    return answer.status_code, answer.text[:300]


async def _running(owner: asyncpg.Connection, number: str) -> bool:
    """Whether a public notice stands now."""
    return bool(
        await owner.fetchval(
            """select (detail ->> 'ends_at')::timestamptz > suanbu_now() from settlement_event
               where settlement = $1 and event = 'publish' order by id desc limit 1""",
            number,
        )
    )
