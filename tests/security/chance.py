"""Random tampers over every table and column that the catalogue lists."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import asyncpg

from settlement.checkpoint.covered import COVERED, By
from settlement.store.records import Shape
from tests.security.tampering import Tamper

NOT_ROWS = (By.NOTHING,)
Wanted = tuple[str, str, str]
"""Change, insert or delete; the table; the column that is changed."""

_CHANGED = {
    "character varying": "{c} || 'x'",
    "bigint": "{c} + 1", "integer": "{c} + 1", "smallint": "{c} + 1", "boolean": "not {c}", "text": "{c} || 'x'",
    "timestamp with time zone": "{c} + interval '1 second'", "date": "{c} + 1", "bytea": "{c} || '\\x00'",
    "uuid": "gen_random_uuid()", "text[]": "{c} || array['x']", "bigint[]": "{c} || array[1::bigint]",
    "jsonb": "case when jsonb_typeof({c}) = 'object' then {c} || '{{\"tampered\": 1}}' else {c} || '[1]'::jsonb end",
    "json": "(case when jsonb_typeof({c}::jsonb) = 'object' then {c}::jsonb || '{{\"tampered\": 1}}' "
            "else {c}::jsonb || '[1]'::jsonb end)::json",
}  # fmt: skip
_NUMBERS = ("bigint", "integer", "smallint")
_WHERE_NULL = {
    "bigint": "987654", "integer": "987654", "smallint": "7", "boolean": "true", "text": "'x'", "date": "'2026-01-01'",
    "timestamp with time zone": "'2026-01-01'", "bytea": "'\\x01'", "uuid": "gen_random_uuid()", "jsonb": "'[1]'",
    "json": "'[1]'", "character varying": "'x'", "text[]": "array['x']", "bigint[]": "array[1]",
}  # fmt: skip


class Chance:
    """Random tampers over every table and column of the catalogue that decides something."""

    def __init__(self, connection: asyncpg.Connection, tables: Mapping[str, Shape], seed: int) -> None:
        self.connection = connection
        self.random = random.Random(seed)
        self.tables = {
            name: shape for name, shape in tables.items() if name not in COVERED or COVERED[name].by not in NOT_ROWS
        }
        self.types: dict[tuple[str, str], str] = {}

    async def prepare(self) -> None:
        """Learn the columns' types, and which tables hold rows: every one must, or nothing of it is tried."""
        for row in await self.connection.fetch(
            """select c.relname as place, a.attname as name, format_type(a.atttypid, null) as type
               from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
               where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')"""
        ):
            self.types[row["place"], row["name"]] = row["type"]

    def columns(self) -> list[tuple[str, str]]:
        """Every table and column that decides something."""
        return [
            (table, name)
            for table, shape in sorted(self.tables.items())
            for name, generated in shape.columns.items()
            if not generated and not (table in COVERED and COVERED[table].by is not By.RECORD
                                      and name in COVERED[table].aside and table != "batch_body")
            and (table, name) not in _DECIDE_NOTHING
        ]  # fmt: skip

    def portions(self, wanted: Sequence[Wanted], at_once: int) -> Iterator[list[Wanted]]:
        """The tampers in portions, no two of a portion in one table."""
        left = list(wanted)
        self.random.shuffle(left)
        while left:
            portion: list[Wanted] = []
            for one in list(left):
                if len(portion) < at_once and one[1] not in {table for _, table, _ in portion}:
                    portion.append(one)
                    left.remove(one)
                if len(portion) == at_once:
                    break
            yield portion

    async def change(self, table: str, column: str) -> Tamper | None:
        """Another value in one column of one row; None of a table without rows."""
        row = await self._row(table)
        if row is None:
            return None
        place, values = row
        kind = self.types[table, column]
        stands = await self.connection.fetchval(f"select {column} is null from {table} where {place}", *values)
        if kind == "numeric":
            value = "1" if stands else f"{column} / 2"
        elif (
            column in {*self._key_columns(table), *await self._unique(table)}
            and not stands
            and kind in ("bigint", "integer", "smallint")
        ):
            value = self._fresh(kind, column)
        else:
            value = _WHERE_NULL[kind] if stands else _CHANGED[kind].format(c=column)

        async def do(connection: asyncpg.Connection) -> None:
            await _free(connection, table)
            await connection.execute(f"update {table} set {column} = {value} where {place}", *values)

        before = await self._key(table, place, values)
        keys = [before]
        if column in self._key_columns(table):
            keys.append(await self._key(table, place, values, {column: value}))
        return Tamper("change", table, column, tuple(k for key in keys for k in key), do)

    async def insert(self, table: str) -> Tamper | None:
        """A row like another one, under a key of its own."""
        row = await self._row(table)
        if row is None:
            return None
        place, values = row
        names = [name for name, generated in self.tables[table].columns.items() if not generated]
        fresh = {name: self._fresh(self.types[table, name], name) for name in self._key_columns(table)}
        fresh |= {name: self._fresh(self.types[table, name], name) for name in await self._unique(table)}

        async def do(connection: asyncpg.Connection) -> None:
            await _free(connection, table)
            await connection.execute(
                f"""insert into {table} ({", ".join(names)}) overriding system value
                    select {", ".join(fresh.get(name, name) for name in names)} from {table} where {place} limit 1""",
                *values,
            )

        key = await self._key(table, place, values, fresh)
        return Tamper("insert", table, "", key, do)

    async def delete(self, table: str) -> Tamper | None:
        """A row is gone."""
        row = await self._row(table)
        if row is None:
            return None
        place, values = row

        async def do(connection: asyncpg.Connection) -> None:
            await connection.execute(f"delete from {table} where {place}", *values)

        return Tamper("delete", table, "", await self._key(table, place, values), do)

    def _fresh(self, kind: str, name: str) -> str:
        if kind in ("bigint", "integer", "smallint"):
            return f"{name} + {self.random.randint(1000, 30000)}"
        return {
            "text": f"{name} || 'x'",
            "uuid": f"'{uuid.UUID(int=self.random.getrandbits(128))}'::uuid",
            "bytea": f"{name} || '\\x01'",
        }.get(kind, name)

    def _key_columns(self, table: str) -> tuple[str, ...]:
        return self.tables[table].key or ("batch", "ordinal")

    async def _unique(self, table: str) -> list[str]:
        rows = await self.connection.fetch(
            """select distinct a.attname from pg_index i join pg_attribute a on a.attrelid = i.indrelid
               and a.attnum = any (i.indkey::int2[]) where i.indrelid = $1::text::regclass and i.indisunique
               and not i.indisprimary""",
            table,
        )
        return [row["attname"] for row in rows]

    async def _row(self, table: str) -> tuple[str, list[Any]] | None:
        """A row of the table, by its key: a condition and its values."""
        columns = self._key_columns(table)
        rows = await self.connection.fetch(f"select {', '.join(columns)} from {table} order by {', '.join(columns)}")
        if not rows:
            return None
        one = self.random.choice(rows)
        return " and ".join(f"{name} = ${at + 1}" for at, name in enumerate(columns)), list(one)

    async def _key(
        self, table: str, place: str, values: list[Any], fresh: Mapping[str, str] | None = None
    ) -> tuple[str, ...]:
        """Where a verification may say that a row is: its table and key, or the batch or row of the log that it is."""
        columns = self._key_columns(table)
        said = ", ".join(
            f"'sha256:' || encode(sha256(convert_to(to_jsonb({spelled})::text, 'UTF8')), 'hex')"
            if name == "token_digest" else f"{spelled}"
            for name in columns for spelled in [(fresh or {}).get(name, name)]
        )  # fmt: skip
        row = await self.connection.fetchrow(
            f"select jsonb_build_array({said})::text as its_key, * from {table} where {place} limit 1", *values
        )
        found = [f"{table} {row['its_key']}"]
        if table == "entry":
            found = [f"batch {row['batch']}"]
            if fresh and "batch" in fresh:
                number = await self.connection.fetchval(
                    f"select {fresh['batch']} from entry where {place} limit 1", *values
                )
                found = [f"batch {number}", f"batch {row['batch']}"]
        if table == "batch":
            found.append(f"batch {json.loads(row['its_key'])[0]}")
        if table == "audit":
            number = json.loads(row["its_key"])[0]
            found += [f"row {number}", f"rows {number} to {number}", f"row {number + 1}"]
            if fresh:
                last = await self.connection.fetchval("select max(seq) from audit")
                found.append(f"rows {last + 1} to {number - 1}")
        if table in ("settlement_transition", "payout_transition", "alembic_version"):
            found = [f"rows {table} " + " ".join(map(str, json.loads(row["its_key"]))), f"rows {table}"]
        if table == "adopted":
            found = ["adopted"]
        return tuple(found)


_DECIDE_NOTHING = {
    (table, column) for table, said in COVERED.items() for column in said.aside if table in ("batch_body", "login")
}


async def _free(connection: asyncpg.Connection, table: str) -> None:
    """Take away what would refuse a value: checks, what may not be null, numbers that are always generated."""
    for row in await connection.fetch(
        "select conname from pg_constraint where conrelid = $1::text::regclass and contype = 'c'", table
    ):
        await connection.execute(f'alter table {table} drop constraint "{row["conname"]}"')
    for row in await connection.fetch(
        "select attname from pg_attribute where attrelid = $1::text::regclass and attidentity = 'a'", table
    ):
        await connection.execute(f"alter table {table} alter {row['attname']} set generated by default")
