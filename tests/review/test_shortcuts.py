"""No shortcut past the people is open to the service's own database role, in any state of a settlement's life."""

from __future__ import annotations

import asyncpg
import pytest

from tests.support.api_client import good
from tests.support.province import People, decide, run
from tests.support.shortcuts import every_shortcut_is_refused

MAKERS, PARTS = ("run", "submit"), ("run", "submit", "review")


async def test_no_state_leaves_a_shortcut_open(people: People, owner: asyncpg.Connection) -> None:
    number = (await run(people.clerk, number="straight"))["id"]
    actors = {"run": f"key:{people.clerk.name}"}
    proofs = {f"key:{one.name}": one.proof for one in (people.clerk, people.reviewer, people.approver, people.second)}
    refused = await every_shortcut_is_refused(owner, number, actors, {"submit": ()}, proofs)
    good(await decide(people.clerk, number, "submit"))
    actors["submit"] = f"key:{people.clerk.name}"
    refused += await every_shortcut_is_refused(owner, number, actors, {"review": MAKERS}, proofs)
    good(await decide(people.reviewer, number, "review", decision="return", note="缺合同"))
    actors["review"] = f"key:{people.reviewer.name}"
    refused += await every_shortcut_is_refused(owner, number, actors, {"submit": ()}, proofs)
    good(await decide(people.clerk, number, "submit"))
    good(await decide(people.reviewer, number, "review", decision="pass"))
    refused += await every_shortcut_is_refused(owner, number, actors, {"review": MAKERS, "approve": PARTS}, proofs)
    good(await decide(people.approver, number, "approve"))
    refused += await every_shortcut_is_refused(
        owner, number, actors, {"approve": PARTS, "publish": MAKERS, "lock": PARTS}, proofs
    )
    good(await decide(people.second, number, "publish", days=1))
    running = {"approve": PARTS, "objection": (), "lock": (*PARTS, "nobody")}
    refused += await every_shortcut_is_refused(owner, number, actors | {"nobody": "key:in a hurry"}, running, proofs)
    good(await decide(people.clerk, number, "cancel"))
    refused += await every_shortcut_is_refused(owner, number, actors, {}, proofs)
    assert refused > 250


async def test_a_state_changes_by_an_event_only_whoever_writes_it(people: People, owner: asyncpg.Connection) -> None:
    number = (await run(people.clerk, number="by hand"))["id"]
    with pytest.raises(asyncpg.CheckViolationError, match="by an event only") as refused:
        await owner.execute("update settlement set status = 'submitted' where id = $1", number)
    assert refused.value.constraint_name == "state_not_allowed"
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await owner.execute(
            """insert into settlement_line (settlement, uscc, name, region, outcome, award_fen, held_fen, payable_fen,
                                            line, working)
               select settlement, '91340100MA0099999X', name, region, outcome, award_fen, held_fen, payable_fen, line,
                      working from settlement_line where settlement = $1 limit 1""",
            number,
        )
    assert refused.value.constraint_name == "settlement_changed"
    good(await decide(people.clerk, number, "cancel"))
