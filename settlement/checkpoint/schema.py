"""The fingerprint of the schema: held against what the code's own migrations make, and against the last checkpoint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import asyncpg

from meter.database.roles import ROLES
from settlement.checkpoint.finding import Finding
from settlement.store import schema

DIGITS = 16


async def fingerprint(connection: asyncpg.Connection, made: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return what a checkpoint says of the schema: the revision, a digest over what migrations make, and what is
    around it."""
    if made is None:
        made = digests(await schema.objects(connection, list(ROLES)))
    around = digests(await schema.around(connection, list(ROLES)))
    return {
        "revision": await schema.revision(connection),
        "sha256": _whole(made),
        "around": around,
        "postgres": await schema.version(connection),
    }


def digests(objects: Mapping[str, str]) -> dict[str, str]:
    """Name -> the first digits of the digest of what an object is."""
    return {name: hashlib.sha256(said.encode()).hexdigest()[:DIGITS] for name, said in objects.items()}


def _whole(found: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


async def unlike_schema(
    connection: asyncpg.Connection, made: list[dict[str, Any]], expected: Mapping[str, str | None] | None
) -> list[Finding]:
    """Return objects that are not what the migrations make, and what changed since the last checkpoint of this
    revision."""
    found: list[Finding] = []
    objects = digests(await schema.objects(connection, list(ROLES)))
    if expected is not None:
        found += _between(objects, expected, "the migrations of this code")
    said = [one["schema"] for one in made if isinstance(one.get("schema"), dict)]
    now = await fingerprint(connection, objects)
    if not said or any(said[-1].get(name) != now[name] for name in ("revision", "postgres")):
        return found
    if said[-1]["sha256"] != now["sha256"] and not found:
        detail = "it is another than at the checkpoint, and there is no reference for this version of PostgreSQL"
        found.append(Finding("schema", "schema", "changed", detail))
    return found + _between(now["around"], said[-1]["around"], "the last checkpoint")


def _between(now: Mapping[str, str], then: Mapping[str, str | None], whose: str) -> list[Finding]:
    """Return what differs; where `then` knows of an object and not what it was, only whether it is there."""
    found = []
    for name in sorted(now.keys() | then.keys()):
        if name not in now or name not in then or (then[name] is not None and now[name] != then[name]):
            what = "missing" if name not in now else "inserted" if name not in then else "changed"
            found.append(Finding("schema", name, what, f"{whose}: {_WORDS[what]}"))
    return found


_WORDS = {"missing": "made it, and it is gone", "inserted": "made no such thing", "changed": "made it otherwise"}
