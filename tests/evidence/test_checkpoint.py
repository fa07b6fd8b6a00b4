"""Tampering by somebody with the database's password is found and located, with a signed checkpoint in hand.

SUANBU_TAMPERS is how many random tampers are made (default 48; 2,000 have been run), SUANBU_CLEAN how many clean
verifications (default 10; 1,000 have been run).
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from meter.journal.digest_chain import GENESIS, Header, link
from meter.journal.store import read_wire
from meter.journal.verify.batches import rows_as_hashed
from meter.kernels.chunked_digest import digest_in_pieces
from meter.registry.proof import facts_of_batches
from meter.registry.queries import rules_as_of
from settlement.checkpoint.check import check
from settlement.checkpoint.finding import Finding
from settlement.checkpoint.make import Made, make
from settlement.checkpoint.note import NotSigned
from settlement.checkpoint.signature import opened, origin_of, signed, signing_key
from tests.evidence.conftest import Original

SEED = 20260421
TAMPERS, CLEAN = int(os.environ.get("SUANBU_TAMPERS", "48")), int(os.environ.get("SUANBU_CLEAN", "10"))
KEY = Ed25519PrivateKey.generate()


async def stated(connection: asyncpg.Connection) -> Made:
    """A checkpoint, out of the owner's reach."""
    await _codecs(connection)
    return await make(connection, origin_of(KEY), KEY)


async def _codecs(connection: asyncpg.Connection) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


async def differences(connection: asyncpg.Connection, made: Made) -> list[Finding]:
    await _codecs(connection)
    return await check(
        connection, made.checkpoint, read_facts=facts_of_batches, read_rules=rules_as_of, marks=made.marks
    )


async def _relink(connection: asyncpg.Connection, start: int) -> None:
    """Recompute the chain from a batch on, as somebody would who knows how."""
    previous = GENESIS
    for row in await connection.fetch(
        "select b.*, s.name as source_name from batch b left join source s on s.id = b.source order by batch"
    ):
        number = row["batch"]
        if number >= start:
            contents = json.loads(row["contents"])
            if "rows" in contents:
                wire = await read_wire(connection, number, number)
                contents["rows"] = digest_in_pieces(row["algorithm"], rows_as_hashed(wire))
            header = Header(
                batch=number, kind=row["kind"], source=row["source_name"], recorded_at=row["recorded_at"],
                received=row["received"], accepted=row["accepted"], duplicate=row["duplicate"],
                conflict=row["conflict"], refused=row["refused"], registry_batch=row["registry_batch"],
                key_name=row["key_name"], contents=contents,
            )  # fmt: skip
            digest = link(row["algorithm"], previous, header)
            await connection.execute(
                "update batch set contents = $2, digest = $3 where batch = $1",
                number, json.dumps(contents, sort_keys=True, separators=(",", ":"), ensure_ascii=False), digest,
            )  # fmt: skip
            previous = digest
        else:
            previous = row["digest"]


class Tampers:
    """Eight kinds of tampering; each says where it must be found."""

    def __init__(self, connection: asyncpg.Connection, chance: random.Random) -> None:
        self.connection = connection
        self.chance = chance

    async def _entry(self) -> asyncpg.Record:
        rows = await self.connection.fetch("select batch, ordinal from entry order by batch, ordinal")
        return self.chance.choice(rows)

    async def change(self) -> str:
        """A record's charge, a line's amount, a word of the log."""
        what = self.chance.randrange(3)
        if what == 0:
            one = await self._entry()
            await self.connection.execute(
                "update entry set charge_fen = charge_fen + 1 where batch = $1 and ordinal = $2",
                one["batch"], one["ordinal"],
            )  # fmt: skip
            return f"batch {one['batch']}"
        if what == 1:
            lines = await self.connection.fetch("select uscc from settlement_line order by uscc")
            code = self.chance.choice(lines)["uscc"]
            await self.connection.execute(
                "update settlement_line set payable_fen = payable_fen - 1 where uscc = $1", code
            )
            return f'settlement_line ["anhui-2026-0001", "{code}"]'
        last = await self.connection.fetchval("select max(seq) from audit")
        number = self.chance.randint(1, last)
        await self.connection.execute("update audit set actor = actor || 'x' where seq = $1", number)
        return f"row {number}"

    async def insert(self) -> str:
        """A record that nobody sent."""
        one = await self._entry()
        await self.connection.execute(
            """insert into entry select batch, 9999, gen_random_uuid(), source, consumer, facility, chip, millicards,
               started_at, ended_at, charge_fen, purpose, via_platform, action, corrects, order_digest, evidence_digest
               from entry where batch = $1 and ordinal = $2""",
            one["batch"], one["ordinal"],
        )  # fmt: skip
        return f"batch {one['batch']}"

    async def delete(self) -> str:
        """A record, or a row of the log, is gone."""
        if self.chance.randrange(2):
            one = await self._entry()
            await self.connection.execute(
                "delete from entry where batch = $1 and ordinal = $2", one["batch"], one["ordinal"]
            )
            return f"batch {one['batch']}"
        last = await self.connection.fetchval("select max(seq) from audit")
        number = self.chance.randint(1, last - 1)
        await self.connection.execute("delete from audit where seq = $1", number)
        return f"rows {number} to {number}"

    async def swap(self) -> str:
        """Two records change places between batches."""
        one = await self._entry()
        other = await self._entry()
        while other["batch"] == one["batch"]:
            other = await self._entry()
        for first, second in ((one, {"batch": -1, "ordinal": 0}), (other, one), ({"batch": -1, "ordinal": 0}, other)):
            await self.connection.execute(
                "update entry set batch = $3, ordinal = $4 where batch = $1 and ordinal = $2",
                first["batch"], first["ordinal"], second["batch"], second["ordinal"],
            )  # fmt: skip
        return f"batch {min(one['batch'], other['batch'])}"

    async def cut(self) -> str:
        """The last batches, or the last rows of the log, never were."""
        if self.chance.randrange(2):
            last = await self.connection.fetchval("select max(batch) from batch")
            first = last - self.chance.randrange(8)
            for table in ("entry", "batch_body", "reversal", "batch"):
                await self.connection.execute(f"delete from {table} where batch >= $1", first)
            return f"batch {first}"
        last = await self.connection.fetchval("select max(seq) from audit")
        first = self.chance.randint(last - 5, last)
        await self.connection.execute("delete from audit where seq >= $1", first)
        return f"row {first}"

    async def restore(self) -> str:
        """An old backup with new batches on top of it: a true chain, but another one."""
        last = await self.connection.fetchval("select max(batch) from batch")
        first = last - self.chance.randrange(1, 8)
        await self.connection.execute(
            "update batch set recorded_at = recorded_at + interval '1 second' where batch >= $1", first
        )
        await _relink(self.connection, first)
        return f"batch {first}"

    async def recompute(self) -> str:
        """A record changed, and the whole chain recomputed from there on."""
        one = await self._entry()
        await self.connection.execute(
            "update entry set millicards = millicards * 2 where batch = $1 and ordinal = $2",
            one["batch"], one["ordinal"],
        )  # fmt: skip
        await _relink(self.connection, one["batch"])
        return f"batch {one['batch']}"

    async def unlog(self) -> str:
        """A decision by another than the log says."""
        events = await self.connection.fetch("select id, settlement, event from settlement_event order by id")
        one = self.chance.choice(events)
        await self.connection.execute("update settlement_event set actor = 'key:another' where id = $1", one["id"])
        return f"settlement_event [{one['id']}]"


KINDS = ("change", "insert", "delete", "swap", "cut", "restore", "recompute", "unlog")


async def test_every_random_tamper_is_found_and_located(original: Original) -> None:
    chance = random.Random(SEED)
    connection = await asyncpg.connect(original.url)
    missed, made = [], Counter[str]()
    try:
        statement = await stated(connection)
        for number in range(TAMPERS):
            kind = KINDS[number % len(KINDS)]
            transaction = connection.transaction(isolation="repeatable_read")
            await transaction.start()
            await connection.execute("set local session_replication_role = replica")  # no trigger, no foreign key
            do: Callable[[], Awaitable[str]] = getattr(Tampers(connection, chance), kind)
            where = await do()
            made[kind] += 1
            found = await differences(_Inside(connection), statement)
            if not any(one.where == where or one.where.endswith(f" {where}") for one in found):
                missed.append((number, kind, where, [f"{one.where}: {one.what}" for one in found[:4]]))
            await transaction.rollback()
    finally:
        await connection.close()
    assert set(made) == set(KINDS)
    assert not missed, f"seed {SEED}: {len(missed)} of {TAMPERS} missed, first {missed[:3]}"


class _Inside:
    """A connection in the middle of a transaction: what reads a snapshot of its own reads ours."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    def transaction(self, **_: object) -> Any:
        return self._connection.transaction()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


async def test_a_clean_database_raises_no_alarm(original: Original) -> None:
    connection = await asyncpg.connect(original.url)
    try:
        statement = await stated(connection)
        alarms = [found for _ in range(CLEAN) if (found := await differences(connection, statement))]
    finally:
        await connection.close()
    assert not alarms


async def test_what_is_recorded_after_a_checkpoint_is_no_difference(original: Original) -> None:
    connection = await asyncpg.connect(original.url)
    try:
        statement = await stated(connection)
        await connection.execute("select audit_append('x', 'test', 'x', 'done', null, null, '{}')")
        assert await differences(connection, statement) == []
    finally:
        await connection.close()


def test_a_checkpoint_that_was_changed_or_signed_by_another_is_refused(tmp_path: Path) -> None:
    key, other = signing_key(tmp_path / "a"), signing_key(tmp_path / "b")
    assert (tmp_path / "a" / "checkpoint.key").stat().st_mode & 0o777 == 0o600
    statement = {"format": "suanbu-checkpoint/1", "journal": {"last": 7, "marks": []}}
    text = json.dumps(signed(statement, key)).encode()
    public = key.public_key().public_bytes_raw()
    assert opened(text, public) == opened(text, None) == statement
    with pytest.raises(NotSigned, match="another key"):
        opened(text, other.public_key().public_bytes_raw())
    changed = (text.replace(b'"last": 7', b'"last": 8'), text.replace(b"Ed25519", b"none"))
    for broken in (*changed, b"{}", b"[]", b"nonsense"):
        with pytest.raises(NotSigned):
            opened(broken, public)
