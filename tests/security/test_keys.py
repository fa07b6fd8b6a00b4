"""Keys: two live for rotation, revocation on every worker within a second, signed requests that are taken once."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from api.auth.keys import NewKey, create_key, revoke_key
from api.auth.signing import signature
from meter.intake.limits import BODY_BYTES
from tests.support.api_client import ApiClient, counts, good, problem
from tests.support.postgres import Cluster
from tests.support.records import JSON, as_array, usage
from tests.support.serving import Served, in_process, over_http

_NONCES = itertools.count(1)


async def key_of(door: ApiClient, name: str, *, signed: bool = False, live_max: int | None = None) -> str:
    """A new key that may read usage."""
    return await create_key(
        door.commands, NewKey(name, ["usage:read"], signed=signed), now=datetime.now(UTC), live_max=live_max
    )


async def test_two_keys_live_at_once_for_rotation_and_no_third(app: ApiClient) -> None:
    first = await key_of(app, "rotating", live_max=2)
    await key_of(app, "rotating", live_max=2)
    with pytest.raises(ValueError, match="revoke one first"):
        await key_of(app, "rotating", live_max=2)
    assert await revoke_key(app.commands, first.split("_")[1], datetime.now(UTC))
    await key_of(app, "rotating", live_max=2)


async def test_a_revoked_key_is_refused_by_every_worker_within_a_second(cluster: Cluster) -> None:
    async with cluster.database() as database:
        with Served.on(database, workers=2, job_workers=0) as served:
            async with over_http(served.url, database) as door:
                key = await key_of(door, "leaving")
                headers = {"Authorization": f"Bearer {key}", "Connection": "close"}
                for _ in range(12):  # both workers know the key
                    assert (await door.client.get("/v1/usage-totals", headers=headers)).status_code == 200
                await revoke_key(door.commands, key.split("_")[1], datetime.now(UTC))
                await asyncio.sleep(1.0)
                for _ in range(24):
                    assert problem(await door.client.get("/v1/usage-totals", headers=headers)) == (401, "unknown_key")


def named(key: str) -> str:
    """A key without its secret, as signed requests name it."""
    return key.rsplit("_", key.count("_") - 1)[0]


def headers_of(key: str, path: str, *, at: float | None = None) -> dict[str, str]:
    """The headers of a signed GET."""
    moment = str(int(time.time() if at is None else at))
    nonce = f"nonce{next(_NONCES):016d}"
    digest = hashlib.sha256(key.split("_", 2)[2].encode()).digest()
    return {
        "Authorization": f"Bearer {named(key)}", "Suanbu-Time": moment, "Suanbu-Nonce": nonce,
        "Suanbu-Signature": signature(digest, "GET", path, b"", moment, nonce),
    }  # fmt: skip


PATH = "/v1/usage-totals?by=day"


async def ask(app: ApiClient, headers: dict[str, str], path: str = PATH) -> httpx.Response:
    return await app.client.get(path, headers=headers)


async def test_a_signed_request_is_taken_once(app: ApiClient) -> None:
    key = await key_of(app, "signing", signed=True)
    headers = headers_of(key, PATH)
    assert (await ask(app, headers)).status_code == 200
    assert problem(await ask(app, headers)) == (401, "replayed_request")


async def test_a_captured_signed_request_is_no_help_in_signing_another(app: ApiClient) -> None:
    """The digest that requests are signed with must not follow from anything that a request carries."""
    key = await key_of(app, "captured", signed=True)
    secret = key.split("_", 2)[2]
    assert all(secret not in value for value in headers_of(key, PATH).values())
    sent = headers_of(key, PATH) | {"Authorization": f"Bearer {key}"}
    assert problem(await ask(app, sent)) == (401, "secret_sent")
    unsigned = await key_of(app, "unsigned")
    assert problem(await ask(app, headers_of(unsigned, PATH))) == (401, "unknown_key")
    assert problem(await ask(app, {"Authorization": f"Bearer {named(key)}"})) == (401, "signature_missing")


async def test_a_request_is_not_taken_again_after_a_restart(app: ApiClient) -> None:
    key = await key_of(app, "restarting", signed=True)
    headers = headers_of(key, PATH)
    assert (await ask(app, headers)).status_code == 200
    async with in_process(app.url) as restarted:
        assert problem(await ask(restarted, headers)) == (401, "replayed_request")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Suanbu-Signature": ""}, "signature_missing"), ({"Suanbu-Signature": "00"}, "bad_signature"),
        ({"Suanbu-Nonce": "short"}, "bad_signature"), ({"Suanbu-Nonce": "another0000000001"}, "bad_signature"),
        ({"Suanbu-Time": "now"}, "bad_signature"), ({"Suanbu-Time": "1"}, "stale_signature"),
    ],
)  # fmt: skip
async def test_what_is_not_signed_as_it_stands_is_refused(app: ApiClient, change: dict[str, str], code: str) -> None:
    key = await key_of(app, f"changing {next(_NONCES)}", signed=True)
    assert problem(await ask(app, headers_of(key, PATH) | change)) == (401, code)
    assert problem(await ask(app, headers_of(key, PATH), "/v1/usage-totals?by=chip")) == (401, "bad_signature")
    late = headers_of(key, PATH, at=(datetime.now(UTC) - timedelta(minutes=6)).timestamp())
    assert problem(await ask(app, late)) == (401, "stale_signature")


async def test_the_body_is_covered(app: ApiClient) -> None:
    key = await create_key(app.commands, NewKey("body", ["settlement:run"], signed=True), now=datetime.now(UTC))
    digest = hashlib.sha256(key.split("_", 2)[2].encode()).digest()
    body, moment, nonce = b'{"round": "no such"}', str(int(time.time())), f"nonce{next(_NONCES):016d}"
    headers = {
        "Authorization": f"Bearer {named(key)}", "Suanbu-Time": moment, "Suanbu-Nonce": nonce,
        "Suanbu-Signature": signature(digest, "POST", "/v1/settlements", body, moment, nonce),
    }  # fmt: skip
    changed = await app.client.post("/v1/settlements", content=body + b" ", headers=headers)
    assert problem(changed) == (401, "bad_signature")
    assert problem(await app.client.post("/v1/settlements", content=body, headers=headers)) == (422, "UNKNOWN_ROUND")


async def test_a_signed_body_counts_as_held_until_it_is_answered_and_no_longer(app: ApiClient) -> None:
    await app.register_the_usual()
    key = await create_key(app.commands, NewKey("sender", ["usage:write"], signed=True), now=datetime.now(UTC))
    digest = hashlib.sha256(key.split("_", 2)[2].encode()).digest()

    async def send(body: bytes, query: str = "", sent: bytes | None = None) -> httpx.Response:
        moment, nonce, path = str(int(time.time())), f"nonce{next(_NONCES):016d}", "/v1/usage-records" + query
        headers = {
            "Authorization": f"Bearer {named(key)}", "Suanbu-Time": moment, "Suanbu-Nonce": nonce, "Content-Type": JSON,
            "Suanbu-Signature": signature(digest, "POST", path, body, moment, nonce),
        }  # fmt: skip
        return await app.client.post(path, content=body if sent is None else sent, headers=headers)

    budget = app.client._transport.app.state.body_budget  # type: ignore[attr-defined]
    large = as_array([usage("large")]).ljust(BODY_BYTES)
    for number in range(5):  # more together than may be held at once
        assert counts(good(await send(large))) == ([0, 1, 0, 0] if number else [1, 0, 0, 0])
        assert budget.held_bytes == 0
    for query in ("", "?verbose=true"):  # past the framework, and through it
        assert problem(await send(large + b" ", query)) == (413, "body_too_large")
        assert problem(await send(large[:-1] + b"x", query)) == (400, "trailing_bytes")
        assert problem(await send(large, query, sent=large[:-1])) == (401, "bad_signature")
        assert budget.held_bytes == 0


NO_NAMES = {"nothing": "", "a blank": " ", "a line feed": "a\nb", "too long": "x" * 101, "a blank behind": "a "}
NO_SOURCES = {"a slash": "a/b", "the parent": "..", "a control character": "a\x07"}


@pytest.mark.parametrize("name", NO_NAMES.values(), ids=NO_NAMES.keys())
async def test_a_key_has_a_name_that_can_be_read(app: ApiClient, name: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        await key_of(app, name)


@pytest.mark.parametrize("source", NO_SOURCES.values(), ids=NO_SOURCES.keys())
async def test_a_source_can_be_named_in_a_path(app: ApiClient, source: str) -> None:
    with pytest.raises(ValueError, match="cannot name a source"):
        await app.holder("usage:write", source=source)
