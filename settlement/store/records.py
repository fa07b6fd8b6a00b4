"""Rows on record, held against the tables: what the catalogue lists, what the log says last, what stands there now.

Rows are compared as JSON of all their columns, made by PostgreSQL's own functions and by none of ours, which whoever
owns the database could replace.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg

SECRETS: Final = (
    "account", "bank_account", "password_hash", "totp_secret", "secret_digest", "check_digest", "token_digest",
)  # fmt: skip
"""Columns that go on record by their digest: what opens a door or is sealed."""
LONG: Final = 400
DIFFERENCES_MAX: Final = 1000  # of one table; a longer list helps nobody

_COLUMNS = """
select c.relname as place, a.attname as name, a.attgenerated <> '' as generated,
       coalesce(array_position(i.indkey::int2[], a.attnum), -1) as key
from pg_catalog.pg_class c join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_catalog.pg_index i on i.indrelid = c.oid and i.indisprimary
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'f') order by c.relname, a.attnum"""
_SETTINGS = """select set_config('TimeZone', 'UTC', true), set_config('bytea_output', 'hex', true),
    set_config('DateStyle', 'ISO, MDY', true), set_config('IntervalStyle', 'postgres', true),
    set_config('extra_float_digits', '1', true), set_config('suanbu.city', '*', true)"""
_SECRET = f"""array['{"', '".join(SECRETS)}']"""


def _as_recorded(row: str) -> str:
    """Return the JSON of a row as suanbu_row puts it on record, made without that function."""
    return f"""(select coalesce(jsonb_object_agg(key, case when value <> 'null'
        and (length(value::text) > {LONG} or key = any ({_SECRET}))
        then to_jsonb('sha256:' || encode(sha256(convert_to(value::text, 'UTF8')), 'hex')) else value end), '{{}}')
        from jsonb_each({row}))"""


@dataclass(frozen=True)
class Shape:
    """A table as the catalogue has it: its columns with whether each is generated, and its primary key."""

    name: str
    columns: dict[str, bool]
    key: tuple[str, ...]


async def settle_settings(connection: asyncpg.Connection) -> None:
    """Have values spelled in one way, and every city's rows seen, until the transaction ends."""
    await connection.execute(_SETTINGS)


async def shapes(connection: asyncpg.Connection) -> dict[str, Shape]:
    """Return every table of ours, from the catalogue."""
    found: dict[str, Shape] = {}
    keys: dict[str, list[tuple[int, str]]] = {}
    for row in await connection.fetch(_COLUMNS):
        shape = found.setdefault(row["place"], Shape(row["place"], {}, ()))
        shape.columns[row["name"]] = row["generated"]
        if row["key"] >= 0:
            keys.setdefault(row["place"], []).append((row["key"], row["name"]))
    return {
        name: Shape(name, shape.columns, tuple(column for _, column in sorted(keys.get(name, []))))
        for name, shape in found.items()
    }


async def unlike_record(
    connection: asyncpg.Connection, shape: Shape, aside: Collection[str], unsound: Sequence[int]
) -> list[tuple[str, dict[str, Any] | None, dict[str, Any] | None]]:
    """Return rows that are not as they went on record: (key, as recorded or None, as it is or None), at most
    DIFFERENCES_MAX.

    Columns `aside` and generated ones are left out; `unsound` are rows of the log that are not as they were
    written. The last record of a key is what counts.
    """
    left_out = [*aside, *(name for name, generated in shape.columns.items() if generated)]
    key = "jsonb_build_array({})".format(", ".join(f"said -> '{name}'" for name in shape.key))
    whole = await connection.fetchval("select has_table_privilege($1, 'select')", f"public.{shape.name}")
    stands = (
        f"select {_as_recorded('to_jsonb(t) - $2::text[]')} as said from public.{shape.name} t"
        if whole
        else "select r - $2::text[] as said from public.rows_as_recorded($1) r"
    )
    rows = await connection.fetch(
        f"""with sound as materialized (
                select a.seq, a.detail from public.audit a
                where strpos(a.detail, '"rows": {{') > 0 and strpos(a.detail, $3) > 0 and a.seq <> all ($4::bigint[])
            ), spoken as (
                select a.seq, r.place, r.value as said from sound a
                cross join lateral jsonb_array_elements(a.detail::jsonb #> array['rows', $1::text])
                with ordinality r(value, place)
                where jsonb_typeof(a.detail::jsonb #> array['rows', $1::text]) = 'array'
                union all select seq, id, said from public.adopted where adopted.place = $1
            ), last as (
                select distinct on ({key}) {key} as key, said - $2::text[] as said from spoken
                order by {key}, seq desc, place desc
            ), stands as (
                select {key} as key, said from ({stands}) here
            )
            select coalesce(last.key, stands.key)::text as key, last.said::text as said, stands.said::text as stands
            from last full join stands on stands.key = last.key
            where last.said is null or stands.said is null or last.said <> stands.said
            and ((stands.said || last.said) <> stands.said or exists (
                select from jsonb_each(stands.said) e where e.value <> 'null' and not last.said ? e.key))
            order by 1 limit {DIFFERENCES_MAX}""",
        shape.name, left_out, f'"{shape.name}": [', list(unsound),
    )  # fmt: skip
    return [
        (row["key"], *(json.loads(row[name]) if row[name] else None for name in ("said", "stands"))) for row in rows
    ]


async def rows_beside(
    connection: asyncpg.Connection, shape: Shape, aside: Collection[str], after: int, last: int
) -> list[asyncpg.Record]:
    """Return rows (batch, key, said) of a table with a column `batch`, of the batches after `after` up to `last`, in
    order."""
    key = ", ".join(f"t.{name}" for name in shape.key)
    rows: list[asyncpg.Record] = await connection.fetch(
        f"""select t.batch, jsonb_build_array({key})::text as key, {_as_recorded("to_jsonb(t) - $3::text[]")}
            ::text as said from public.{shape.name} t where t.batch > $1 and t.batch <= $2 order by 1, 2""",
        after, last, [*aside, *(name for name, generated in shape.columns.items() if generated)],
    )  # fmt: skip
    return rows


async def names_between(connection: asyncpg.Connection, shape: Shape, after: int, last: int) -> list[asyncpg.Record]:
    """Return rows (key, said) of a table of names, of the numbers after `after` up to `last`."""
    rows: list[asyncpg.Record] = await connection.fetch(
        f"""select jsonb_build_array(t.id)::text as key, {_as_recorded("to_jsonb(t)")}::text as said
            from public.{shape.name} t where t.id > $1 and t.id <= $2""",
        after, last,
    )  # fmt: skip
    return rows


async def last_names(connection: asyncpg.Connection, tables: Sequence[str]) -> dict[str, int]:
    """Return the last number of each table of names."""
    return {
        table: int(await connection.fetchval(f"select coalesce(max(id), 0) from public.{table}")) for table in tables
    }


async def numbered_below(connection: asyncpg.Connection, table: str, column: str) -> list[int]:
    """Return the numbers of a table that are below 1, where nothing begins."""
    rows = await connection.fetch(
        f"select {column} as number from public.{table} where {column} < 1 order by 1 limit 1000"
    )
    return [row["number"] for row in rows]


async def beyond(connection: asyncpg.Connection, shape: Shape, head: int) -> list[str]:
    """Return keys of rows that name a batch before the first or beyond the last."""
    key = ", ".join(f"t.{name}" for name in shape.key)
    rows = await connection.fetch(
        f"""select jsonb_build_array({key})::text as key from public.{shape.name} t where t.batch < 1 or t.batch > $1
            order by 1 limit {DIFFERENCES_MAX}""",
        head,
    )
    return [row["key"] for row in rows]


async def adopted_digest(connection: asyncpg.Connection, rows: int | None = None) -> tuple[int, str]:
    """Return how many rows migrations adopted, and a digest over the first `rows` of them (None: all)."""
    row = await connection.fetchrow(
        """select count(*) as rows, 'sha256:' || encode(sha256(coalesce(string_agg(sha256(convert_to(
               jsonb_build_array(id, place, seq, said)::text, 'UTF8')), ''::bytea order by id), '')), 'hex') as digest
           from (select * from public.adopted order by id limit $1) a""",
        rows,
    )
    return row["rows"], row["digest"]


async def checkpoints_made(connection: asyncpg.Connection) -> list[dict[str, Any]]:
    """Return what each checkpoint that grew the tree said in the log, oldest first: `seq`, `batch`, `schema`,
    `adopted`."""
    rows = await connection.fetch(
        "select seq, detail from public.audit where action = 'checkpoint.make' and result = 'done' order by seq"
    )
    found = [_said(row["detail"]) | {"seq": row["seq"]} for row in rows]
    return [one for one in found if isinstance(one.get("batch"), int) and "tree" in one]


async def last_checkpoint_at(connection: asyncpg.Connection) -> datetime | None:
    """Return when a checkpoint was last made; None where none was."""
    found: datetime | None = await connection.fetchval(
        "select at from public.audit where action = 'checkpoint.make' and result = 'done' order by seq desc limit 1"
    )
    return found


def _said(detail: str) -> dict[str, Any]:
    """Return the detail of a row of the log; nothing where somebody made it unreadable."""
    try:
        found = json.loads(detail)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
