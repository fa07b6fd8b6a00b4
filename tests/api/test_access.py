"""Keys: what each scope opens, and how a key stops working."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest

from api.auth.keys import list_keys, revoke_key
from tests.support.api_client import ApiClient, KeyClient, good, problem
from tests.support.records import JSON, as_array, usage

REQUESTS = [
    ("POST", "/v1/usage-records", "usage:write"),
    ("POST", "/v1/quarantine/replay", "usage:write"),
    ("PUT", "/v1/control-totals", "usage:write"),
    ("GET", "/v1/usage-records/a/b", "usage:read"),
    ("GET", "/v1/batches/1", "usage:read"),
    ("GET", "/v1/quarantine", "usage:read"),
    ("GET", "/v1/usage-totals", "usage:read"),
    ("GET", "/v1/reconciliation?from=2025-01-01&to=2025-02-01", "usage:read"),
    *(("PUT", f"/v1/{kind}", "registry:write") for kind in ("entities", "facilities", "chips", "holdings")),
    ("PUT", "/v1/expenditures", "registry:write"),
    *(("GET", f"/v1/{kind}", "registry:read") for kind in ("entities", "facilities", "chips", "holdings")),
    ("GET", "/v1/expenditures", "registry:read"),
]
ALL_SCOPES = ("usage:write", "usage:read", "registry:write", "registry:read")


async def ask(app: ApiClient, method: str, path: str, key: str | None) -> httpx.Response:
    """A request with an empty list of items where it needs a body."""
    headers = {"Content-Type": JSON} | ({"Authorization": f"Bearer {key}"} if key else {})
    return await app.client.request(method, path, headers=headers, content=b"[]" if method != "GET" else None)


@pytest.mark.parametrize(("method", "path", "scope"), REQUESTS)
async def test_every_route_asks_for_its_scope(app: ApiClient, method: str, path: str, scope: str) -> None:
    assert problem(await ask(app, method, path, None)) == (401, "no_key")
    without = await app.holder(*(s for s in ALL_SCOPES if s != scope), source="somebody")
    assert problem(await ask(app, method, path, without.key)) == (403, "scope_missing")
    having = await app.holder(scope, source="somebody")
    assert (await ask(app, method, path, having.key)).status_code in (200, 404)


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer nonsense", "Basic c2VjcmV0", "Bearer suanbu_abc", "Bearer other_a_b", "Bearer \xff\xff"],
)
async def test_what_is_no_key_is_401(app: ApiClient, authorization: str) -> None:
    headers = httpx.Headers([(b"Authorization", authorization.encode("latin-1"))])
    answer = await app.client.get("/v1/usage-totals", headers=headers)
    assert problem(answer) == (401, "no_key")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_an_unknown_prefix_and_a_wrong_secret_are_told_alike(app: ApiClient) -> None:
    reader = await app.holder("usage:read")
    mark, prefix, secret = reader.key.split("_", 2)
    answers = [
        await ask(app, "GET", "/v1/usage-totals", key)
        for key in (f"{mark}_000000000000_{secret}", f"{mark}_{prefix}_{secret[:-1]}!", f"{mark}_{prefix}_")
    ]
    assert {problem(answer) for answer in answers} == {(401, "unknown_key")}
    assert len({answer.json()["detail"] for answer in answers}) == 1
    assert good(await reader.get("/usage-totals"))["next"] is None, "a wrong guess does not shut the owner out"


async def test_an_expired_key_is_401(app: ApiClient) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    expired = await app.holder("usage:read", expires_at=past)
    assert problem(await expired.get("/usage-totals")) == (401, "expired_key")


async def test_a_revoked_key_stops_within_a_second(app: ApiClient) -> None:
    reader = await app.holder("usage:read")
    assert (await reader.get("/usage-totals")).status_code == 200
    assert await revoke_key(app.commands, reader.key.split("_")[1], datetime.now(UTC))
    await asyncio.sleep(1)
    assert problem(await reader.get("/usage-totals")) == (401, "unknown_key")


async def test_a_key_without_a_source_cannot_send(app: ApiClient, database: str) -> None:
    sender = await app.holder("usage:write")
    owner = await asyncpg.connect(database)
    try:
        await owner.execute("update api_key set source = null where prefix = $1", sender.key.split("_")[1])
    finally:
        await owner.close()
    assert problem(await sender.send(as_array([usage("a")]))) == (403, "key_names_no_source")


async def test_only_a_digest_of_a_key_is_stored(app: ApiClient, database: str) -> None:
    reader = await app.holder("usage:read", name="kept-secret")
    listed = [key for key in await list_keys(app.engine) if key["name"] == "kept-secret"]
    assert len(listed) == 1
    secret = reader.key.split("_", 2)[2]
    owner = await asyncpg.connect(database)
    try:
        stored = await owner.fetch("select k::text as row from api_key k")
    finally:
        await owner.close()
    assert not any(secret in row["row"] for row in stored)


async def test_two_keys_of_one_source_share_its_ids(app: ApiClient, registrar: KeyClient) -> None:
    assert registrar.key
    one, two = [await app.platform(source="shared-source") for _ in range(2)]
    assert (await one.push(usage("s")))["accepted"] == 1
    assert (await two.push(usage("s")))["duplicate"] == 1


async def test_a_key_with_an_unknown_scope_cannot_be_made(app: ApiClient) -> None:
    for scopes in (["usage:everything"], []):
        with pytest.raises(ValueError, match="unknown scope"):
            await app.holder(*scopes)
