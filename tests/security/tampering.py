"""Tampering as the owner of the database: one change, what a verification finds of it, and everything undone."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from meter.database.connect import connect
from meter.registry.proof import facts_of_batches
from meter.registry.queries import rules_as_of
from migrations.reference import expected_schema
from settlement.checkpoint.check import check
from settlement.checkpoint.finding import Finding
from settlement.checkpoint.marks import Marks
from settlement.checkpoint.note import Checkpoint
from settlement.store.records import Shape, shapes

Do = Callable[[asyncpg.Connection], Awaitable[object]]


class Inside:
    """A connection in the middle of a transaction: what reads a snapshot of its own reads ours."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    def transaction(self, **_: object) -> Any:
        return self._connection.transaction()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@dataclass
class Owner:
    """Who owns a database of which a checkpoint was made."""

    connection: asyncpg.Connection
    checkpoint: Checkpoint | None
    marks: Marks | None
    schema: Mapping[str, str | None]
    shapes: dict[str, Shape]

    @classmethod
    async def of(cls, url: str, checkpoint: Checkpoint, marks: Marks | None) -> Owner:
        connection = await owner_connection(url)
        return cls(connection, checkpoint, marks, await expected_schema(connection), await shapes(connection))

    async def verify(self) -> list[Finding]:
        """What a verification finds as things stand."""
        return await check(
            Inside(self.connection),
            self.checkpoint,
            read_facts=facts_of_batches,
            read_rules=rules_as_of,
            expected=self.schema,
            marks=self.marks,
        )

    async def found_after_all(self, tampers: Sequence[Tamper]) -> list[Finding]:
        """What a verification finds after several tampers at once."""

        async def do(connection: asyncpg.Connection) -> None:
            for tamper in tampers:
                await tamper.do(connection)

        return await self.found_after(do)

    async def found_after(self, do: Do) -> list[Finding]:
        """What a verification finds after something was done, which is then undone. No trigger and no foreign key."""
        transaction = self.connection.transaction(isolation="repeatable_read")
        await transaction.start()
        try:
            await self.connection.execute("set local session_replication_role = replica")
            await do(self.connection)
            return await self.verify()
        finally:
            await transaction.rollback()


async def owner_connection(url: str) -> asyncpg.Connection:
    """A connection that reads and writes JSON as values."""
    connection = await connect(url, application="tampering")
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
    await connection.execute("select set_config('suanbu.city', '*', false)")
    return connection


@dataclass(frozen=True)
class Tamper:
    """One random change of one row: what was done to which column of which row, as a verification must locate it."""

    kind: str
    table: str
    column: str
    keys: tuple[str, ...]
    do: Do

    def located(self, findings: list[Finding]) -> bool:
        """Whether a finding names the table and the row."""
        return any(one.where in self.keys for one in findings)
