"""A decision is whose key, signature or session was shown: whoever runs SQL as the service names nobody else."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest_asyncio

from api.auth.keys import NewKey, create_key, revoke_key
from api.auth.people import shut_out
from api.auth.roles import SCOPES_OF
from api.auth.sessions import log_out, proof_of_session
from api.auth.signing import signature
from tests.support.api_client import ApiClient, KeyClient, good, problem
from tests.support.people import session_of
from tests.support.province import People, decide, people_of, populate, run
from tests.support.shortcuts import as_service
from tests.support.worlds import post

EVENT = """insert into settlement_event (settlement, event, before, after, actor, at, transaction, detail)
           values ($1, $2, '', '', $3, now(), 0, $4)"""
NEXT = {"computed": "submit", "submitted": "review", "reviewed": "approve", "approved": "lock"}


@dataclass(frozen=True)
class Town:
    """A province, its people, and the database behind them."""

    door: ApiClient
    people: People
    owner: asyncpg.Connection

    async def tried(self, proof: str, sql: str, *values: object) -> str:
        """The code with which the database refuses what the service's role writes, or "": undone in any case."""
        transaction = self.owner.transaction()
        await transaction.start()
        try:
            await as_service(self.owner, proof)
            await self.owner.execute(sql, *values)
        except asyncpg.CheckViolationError as refusal:
            return str(refusal.constraint_name)
        finally:
            await transaction.rollback()
        return ""


@pytest_asyncio.fixture(scope="module")
async def province(app: ApiClient) -> ApiClient:
    """A province with usage."""
    await populate(app)
    return app


@pytest_asyncio.fixture
async def town(province: ApiClient, owner: asyncpg.Connection) -> Town:
    """Fresh people in it."""
    return Town(province, await people_of(province), owner)


async def test_in_every_state_the_next_decision_is_only_whose_key_is_shown(town: Town) -> None:
    """With the right key it would be taken; with none, another's, a revoked one or one without the scope it is not."""
    people = town.people
    number = (await run(people.clerk, number="shown"))["id"]
    hands = {"submit": people.clerk, "review": people.reviewer, "approve": people.approver, "lock": people.second}
    said = json.dumps({"decision": "pass"})
    for event in NEXT.values():
        hand = hands[event]
        actor = f"key:{hand.name}"
        assert await town.tried(hand.proof, EVENT, number, event, actor, said) == ""
        others = [one for one in hands.values() if one.name != hand.name]
        for proof in ("", "key", "key:" + "a" * 12 + ":" + "00" * 32, *(one.proof for one in others)):
            assert await town.tried(proof, EVENT, number, event, actor, said) == "actor_unproven", (event, proof)
        reader = await town.door.holder("report:read")
        stranger = await town.door.holder(*SCOPES_OF["approver"], *SCOPES_OF["finance"], "settlement:review",
                                          city="340100")  # fmt: skip
        for one, why in ((reader, "scope_missing"), (stranger, "other_city")):
            assert await town.tried(one.proof, EVENT, number, event, f"key:{one.name}", said) == why, event
        if event != "lock":
            good(await decide(hand, number, event, **({"decision": "pass"} if event == "review" else {})))
    assert await town.tried(people.clerk.proof, EVENT, number, "cancel", f"key:{people.clerk.name}", "{}") == ""
    await revoke_key(town.door.commands, people.clerk.key.split("_")[1], datetime.now(UTC))
    gone = await town.tried(people.clerk.proof, EVENT, number, "cancel", f"key:{people.clerk.name}", "{}")
    assert gone == "actor_unproven"


async def test_a_session_is_shown_and_money_asks_for_password_and_code_of_a_moment_ago(town: Town) -> None:
    people, name = town.people, f"director-{secrets.token_hex(2)}"
    number = (await run(people.clerk, number="by a person"))["id"]
    good(await decide(people.clerk, number, "submit"))
    good(await decide(people.reviewer, number, "review", decision="pass"))
    session = await session_of(town.door, name, "approver")
    wanted = (EVENT, number, "approve", f"person:{name}", "{}")
    assert await town.tried(proof_of_session(session), *wanted) == ""
    assert await town.tried(proof_of_session("guess"), *wanted) == "actor_unproven"
    kept = await town.owner.fetchval(
        "select encode(l.token_digest, 'hex') from login l join person p on p.id = l.person where p.name = $1", name
    )
    assert await town.tried(f"session:{kept}", *wanted) == "actor_unproven", "what the database keeps opens nothing"
    for column, why in (("proven_at", "proof_needed"), ("seen_at", "actor_unproven"), ("expires_at", "actor_unproven")):
        async with town.owner.transaction():
            await town.owner.execute("set local session_replication_role = replica")
            before = await town.owner.fetchval(
                f"select {column} from login where token_digest = decode($1, 'hex')", kept
            )
            sql = f"update login set {column} = $2 where token_digest = decode($1, 'hex')"
            await town.owner.execute(sql, kept, datetime.now(UTC) - timedelta(hours=1))
        assert await town.tried(proof_of_session(session), *wanted) == why
        async with town.owner.transaction():
            await town.owner.execute("set local session_replication_role = replica")
            await town.owner.execute(sql, kept, before)
    assert await town.tried(proof_of_session(session), *wanted) == ""
    await shut_out(town.door.commands, name, datetime.now(UTC), out=True)
    assert await town.tried(proof_of_session(session), *wanted) == "actor_unproven"
    await shut_out(town.door.commands, name, datetime.now(UTC), out=False)
    await log_out(town.door.engine, session, datetime.now(UTC))
    assert await town.tried(proof_of_session(session), *wanted) == "actor_unproven"


@pytest_asyncio.fixture
async def signing(province: ApiClient) -> AsyncIterator[tuple[str, str, bytes]]:
    """A key that signs its requests: its name, its prefix, and what it signs with."""
    name = f"signs-{secrets.token_hex(2)}"
    new = NewKey(name, ["settlement:run", "report:read"], signed=True)
    key = await create_key(province.commands, new, now=datetime.now(UTC))
    _, prefix, secret = key.split("_", 2)
    yield name, prefix, hashlib.sha256(secret.encode()).digest()


async def test_a_signature_is_shown_for_the_request_that_it_signs(town: Town, signing: tuple[str, str, bytes]) -> None:
    name, prefix, secret = signing
    body, path = json.dumps({"round": "anhui-2026", "order": {"rate": "0.17"}}).encode(), "/v1/settlements"

    async def sent(key: bytes, nonce: str) -> httpx.Response:
        time = str(int(datetime.now(UTC).timestamp()))
        return await town.door.client.post(path, content=body, headers={
            "Authorization": f"Bearer suanbu_{prefix}", "Content-Type": "application/json", "Suanbu-Time": time,
            "Suanbu-Nonce": nonce, "Suanbu-Signature": signature(key, "POST", path, body, time, nonce),
        })  # fmt: skip

    assert problem(await sent(hashlib.sha256(secret).digest(), "0" * 16)) == (401, "bad_signature")
    made = await sent(secret, "1" * 16)
    assert made.status_code == 201, made.text
    number, actor = made.json()["id"], f"key:{name}"

    def proof(key: bytes, moment: datetime, prefix: str = prefix) -> str:
        time = str(int(moment.timestamp()))
        text = "\n".join(("POST", path, hashlib.sha256(body).hexdigest(), time, "2" * 16)).encode()
        return f"signed:{prefix}:{signature(key, 'POST', path, body, time, '2' * 16)}:{text.hex()}"

    now = datetime.now(UTC)
    assert await town.tried(proof(secret, now), EVENT, number, "submit", actor, "{}") == ""
    for wrong in (proof(secret, now - timedelta(hours=2)), proof(b"0" * 32, now), proof(secret, now, "a" * 12),
                  f"key:{prefix}:{secret.hex()}"):  # fmt: skip
        assert await town.tried(wrong, EVENT, number, "submit", actor, "{}") == "actor_unproven"


async def test_payouts_claims_accounts_and_facts_ask_for_the_hand_that_they_name(town: Town) -> None:
    people, door = town.people, town.door
    number = (await run(people.clerk, number="paid"))["id"]
    for hand, event, said in ((people.clerk, "submit", {}), (people.reviewer, "review", {"decision": "pass"}),
                              (people.approver, "approve", {}), (people.approver, "lock", {})):  # fmt: skip
        good(await decide(hand, number, event, **said))
    one = good(await post(people.payer, "/payouts/claim", {"limit": 1, "worker": "w"}))["items"][0]
    paid = """insert into payout_event (instruction, before, after, actor, at, transaction, fence, reference,
              bank_reference, moved_fen, detail) values ($1, '', 'paid', $2, now(), 0, $3, '', 'B1', $4, '{}')"""
    values = (one["id"], f"key:{people.payer.name}", one["fence"], one["amount_fen"])
    assert await town.tried(people.payer.proof, paid, *values) == ""
    assert await town.tried(people.approver.proof, paid, *values) == "actor_unproven"
    assert await town.tried("", paid, one["id"], "key:nobody", one["fence"], one["amount_fen"]) == "actor_unproven"
    refusal = """insert into payout_refusal (at, actor, about, word, code, detail)
                 values (now(), $1, 'x', 'paid', 'X', 'x')"""
    assert await town.tried("", refusal, f"key:{people.payer.name}") == "actor_unproven"
    registrar = await door.registrar()
    fact = """insert into batch (batch, kind, recorded_at, received, accepted, duplicate, conflict, refused,
              registry_batch, key_name, contents, algorithm, digest)
              select max(batch) + 1, 'entities', now(), 1, 1, 0, 0, 0, max(batch) + 1, $1, '{}', 'sm3', '' from batch"""
    assert await town.tried(registrar.proof, fact, registrar.name) == ""
    assert await town.tried(people.clerk.proof, fact, registrar.name) == "actor_unproven"
    assert await town.tried(people.clerk.proof, fact, people.clerk.name) == "scope_missing"


async def test_the_roles_of_people_are_those_of_the_door(owner: asyncpg.Connection) -> None:
    for role, scopes in SCOPES_OF.items():
        assert set(await owner.fetchval("select suanbu_scopes_of($1)", role)) == scopes, role


async def test_hmac_is_the_standard_one(owner: asyncpg.Connection) -> None:
    """RFC 4231, test cases 1 and 2."""
    for key, text, wanted in (
        (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    ):
        assert (await owner.fetchval("select suanbu_hmac($1, $2)", key, text)).hex() == wanted


async def test_whoever_recorded_anything_that_was_known_has_no_last_word(town: Town) -> None:
    """Usage too, and facts that made a line nothing: with a budget, what one does not get another does."""
    people, door = town.people, town.door
    both: list[KeyClient] = []
    for scope, path, items in (
        (
            "registry:write",
            "/holdings",
            [{"holder": "91340100MA00000AXX", "held": "x", "share": "0.3", "document": "d"}],
        ),
        ("usage:write", "/control-totals", [{"day": "2025-09-01", "records": 1, "charge_fen": 1}]),
    ):
        hand = await door.holder(scope, "settlement:approve")
        good(await hand.put(path, items))
        both.append(hand)
    number = (await run(people.clerk, number="rests on"))["id"]
    good(await decide(people.clerk, number, "submit"))
    good(await decide(people.reviewer, number, "review", decision="pass"))
    assert good(await decide(both[0], number, "approve"))["status"] == "approved", "what was refused is no fact"
    assert problem(await decide(both[1], number, "approve")) == (403, "FACT_BY_APPROVER")
    good(await decide(people.approver, number, "publish", days=1))
    objection = good(await decide(people.reviewer, number, "objections", note="x"))
    assert objection
    events = good(await people.clerk.get(f"/settlements/{number}"))["events"]
    path = f"objections/{events[-1]['id']}"
    answer = await decide(both[1], number, path, decision="dismissed", note="x")
    assert problem(answer) == (403, "FACT_BY_APPROVER")
    assert good(await decide(both[0], number, path, decision="dismissed", note="x"))


async def test_a_change_of_the_registry_is_in_the_log_with_what_it_was_before(town: Town) -> None:
    registrar = await town.door.registrar()
    auditor = await town.door.holder("audit:read")
    chip = {"chip": "card-audited", "tflops_fp16": "300", "source": "a data sheet"}
    first = good(await registrar.put("/chips", [chip]))["batch"]
    second = good(await registrar.put("/chips", [chip | {"tflops_fp16": "320"}]))["batch"]
    told = []
    for batch in (first, second):
        rows = [one for one in await auditor.items("/audit", object=str(batch)) if one["action"] == "registry.chips"]
        assert [one["actor"] for one in rows] == [f"key:{registrar.name}"]
        told.append(json.loads(rows[0]["detail"]))
    assert (told[0]["accepted"], told[0]["changed"]) == (1, 0)
    (change,) = told[1]["first_changed"]
    assert (change["subject"], json.loads(change["before"])["tflops_fp16"]) == ("card-audited", "300")
    assert json.loads(change["after"])["tflops_fp16"] == "320"
