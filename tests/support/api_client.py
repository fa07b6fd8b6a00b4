"""The service through its door: clients that hold a key and say what they send."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from api.auth.keys import NewKey, create_key
from meter.database.connect import owner_engine
from tests.support.records import JSON, Record, as_array, chip, entity, facility, packed

_NUMBERS = itertools.count(1)
EVERY_READ = ("usage:read", "registry:read", "report:read", "payout:read", "audit:read")


@dataclass(frozen=True)
class KeyClient:
    """Somebody who holds a key."""

    client: httpx.AsyncClient
    key: str
    name: str

    @property
    def proof(self) -> str:
        """What the door shows the database of the key."""
        _, prefix, secret = self.key.split("_", 2)
        return f"key:{prefix}:{hashlib.sha256(secret.encode()).hexdigest()}"

    async def get(self, path: str, **query: object) -> httpx.Response:
        """GET under /v1."""
        found = {name.rstrip("_"): str(value) for name, value in query.items() if value is not None}
        return await self.client.get(f"/v1{path}", params=found, headers=self._headers())

    async def items(self, path: str, **query: object) -> list[dict[str, Any]]:
        """The items of a list that must be there."""
        return list(good(await self.get(path, **query))["items"])

    async def put(self, path: str, items: object) -> httpx.Response:
        """PUT registry items."""
        body = items if isinstance(items, bytes) else json.dumps(items, ensure_ascii=False).encode()
        return await self.client.put(f"/v1{path}", content=body, headers=self._headers({"Content-Type": JSON}))

    async def send(
        self, body: bytes, content_type: str = JSON, encoding: str | None = None, *, verbose: bool = False
    ) -> httpx.Response:
        """POST a body of usage records."""
        headers = {"Content-Type": content_type}
        if encoding:
            headers["Content-Encoding"] = encoding
            body = packed(body, encoding)
        return await self.client.post(
            "/v1/usage-records",
            content=body,
            headers=self._headers(headers),
            params={"verbose": "true"} if verbose else {},
        )

    async def push(self, *records: Record, verbose: bool = False) -> dict[str, Any]:
        """The receipt of records, as a JSON array, that must be received."""
        answer = await self.send(as_array(records), verbose=verbose)
        for _ in range(100):
            if answer.status_code != 503:
                break
            await asyncio.sleep(0.1)  # told to wait: a client comes back
            answer = await self.send(as_array(records), verbose=verbose)
        return good(answer)

    async def replay(self) -> dict[str, Any]:
        """The receipt of a replay of the quarantine."""
        return good(await self.client.post("/v1/quarantine/replay", headers=self._headers()))

    async def code(self, record: Record) -> str | None:
        """Why a record is refused, or None when it is not."""
        results = (await self.push(record))["results"]
        return str(results[0]["code"]) if results else None

    def _headers(self, more: dict[str, str] | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", **(more or {})}


@dataclass(frozen=True)
class ApiClient:
    """A running service, and its database for making keys."""

    client: httpx.AsyncClient
    engine: AsyncEngine
    commands: AsyncEngine
    """As the command line: who makes keys and people."""
    url: str
    """The database's URL, for who must look behind the door."""

    async def holder(
        self,
        *scopes: str,
        name: str | None = None,
        source: str | None = None,
        city: str | None = None,
        expires_at: datetime | None = None,
    ) -> KeyClient:
        """A holder of a new key, made behind the door: no administrator is asked."""
        name = name or f"holder-{next(_NUMBERS)}"
        key = await create_key(
            owner_engine(self.url), NewKey(name, list(scopes), source=source, city=city, expires_at=expires_at),
            now=datetime.now(UTC),
        )  # fmt: skip
        return KeyClient(self.client, key, source or name)

    async def platform(self, source: str | None = None) -> KeyClient:
        """A dispatch platform: a source of its own."""
        return await self.holder("usage:write", *EVERY_READ, source=source)

    async def registrar(self) -> KeyClient:
        """Who keeps the registry."""
        return await self.holder("registry:write", *EVERY_READ)

    async def register_the_usual(self) -> KeyClient:
        """What most records need: facility hf-01, chip card-a, one entity."""
        registrar = await self.registrar()
        for path, item in (("/chips", chip()), ("/facilities", facility()), ("/entities", entity())):
            assert good(await registrar.put(path, [item]))["refused"] == 0
        return registrar


def good(answer: httpx.Response) -> dict[str, Any]:
    """The body of an answer that must be 200."""
    assert answer.status_code == 200, f"{answer.status_code} {answer.text[:500]}"
    found = answer.json()
    assert isinstance(found, dict)
    return found


def counts(receipt: dict[str, Any]) -> Sequence[int]:
    """Accepted, duplicate, conflict, refused; they must add up."""
    found = [receipt[name] for name in ("accepted", "duplicate", "conflict", "refused")]
    assert receipt["received"] == sum(found)
    return found


def codes(receipt: dict[str, Any]) -> list[tuple[int, str, str | None]]:
    """Index, status and code of every result."""
    return [(one["index"], one["status"], one.get("code")) for one in receipt["results"]]


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of an answer that must be a problem document."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text[:300]
    document = answer.json()
    assert set(document) >= {"type", "title", "status", "detail", "instance", "code"}
    assert document["status"] == answer.status_code
    assert document["instance"] == answer.request.url.path
    return answer.status_code, document["code"]
