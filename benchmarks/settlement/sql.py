"""The peer of the whole settlement: the same rules (anhui-2026, default readings) as SQL on PostgreSQL."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from typing import Any

import asyncpg
import polars as pl

from settlement.inputs.frames import Inputs
from settlement.rounds import Round

SCHEMA = "settlement_benchmark"
TABLES = ("parties", "use", "entity_facts", "facility_facts", "facility_owners", "chip_facts", "holding_facts",
          "expenditure_facts")  # fmt: skip
TYPES = {
    pl.Int8: "smallint",
    pl.Int32: "integer",
    pl.Int64: "bigint",
    pl.Boolean: "boolean",
    pl.String: 'text collate "C"',
}
DOUBLINGS = 10  # 2**10 links: deeper than any family of the benchmark

# A careful colleague's SQL: set-based, typed bigint wherever a product fits, tables analysed, intervals instead of
# days. {w0} and {w1} are the window; a rating is taken in whole TFLOPS, so that a row's quantity is a bigint.
STEPS: tuple[tuple[str, str], ...] = (
    (
        "holdings that count",
        """
        create unlogged table edge as
        with ordered as (
            select holder, held, share_billionths as share,
                coalesce(valid_from, -2147483648) as b, coalesce(valid_to, 2147483647) as e,
                lead(coalesce(valid_from, -2147483648))
                    over (partition by holder, held order by valid_from nulls first, seq) as next
            from holding_facts
        )
        select holder, held, share, greatest(b, {w0}) as b, least(e, coalesce(next, 2147483647), {w1}) as e
        from ordered o
        where share >= 250000000 and least(e, coalesce(next, 2147483647), {w1}) > greatest(b, {w0})
            and not exists (select from entity_facts f where f.party = o.holder and f.state_body);
        create index on edge (held); create index on edge (holder); analyze edge;
        """,
    ),
    (
        "largest holder by interval",
        """
        create unlogged table parent as
        with cut as (select held, b as d from edge union select held, e from edge),
        piece as (select held, d as b, lead(d) over (partition by held order by d) as e from cut)
        select distinct on (p.held, p.b) p.held as x, g.holder as r, p.b, p.e
        from piece p join edge g on g.held = p.held and g.b <= p.b and g.e >= p.e
        where p.e is not null order by p.held, p.b, g.share desc, g.holder;
        create unlogged table jump_0 as
        with member as (select holder as x from edge union select held from edge),
        bound as (
            select x, b, e from parent union all select x, {w1}, {w1} from member
        ),
        gap as (select x, coalesce(lag(e) over (partition by x order by b), {w0}) as b, b as e from bound)
        select x, r, b, e, least(x, r) as m from parent
        union all select x, x, b, e, x from gap where b < e;
        create index on jump_0 (x); analyze jump_0;
        """,
    ),
    *(
        (
            f"pointer doubling {k}",
            f"""
            create unlogged table jump_{k} as
            select a.x, c.r, greatest(a.b, c.b) as b, least(a.e, c.e) as e, least(a.m, c.m) as m
            from jump_{k - 1} a join jump_{k - 1} c on c.x = a.r and c.b < a.e and a.b < c.e;
            drop table jump_{k - 1}; create index on jump_{k} (x); analyze jump_{k};
            """,
        )
        for k in range(1, DOUBLINGS + 1)
    ),
    (
        "groups",
        f"""
        create unlogged table grouped as
        select a.x, c.m as root, greatest(a.b, c.b) as b, least(a.e, c.e) as e
        from jump_{DOUBLINGS} a join jump_{DOUBLINGS} c on c.x = a.r and c.b < a.e and a.b < c.e;
        drop table jump_{DOUBLINGS}; create index on grouped (x); create index on grouped (root); analyze grouped;
        """,
    ),
    (
        "insiders",
        """
        create unlogged table insider as
        with recursive up (facility, p, b, e) as (
            select f.facility, o.party, {w0}, {w1}
            from facility_owners o join facility_facts f using (seq) where o.share_billionths >= 250000000
            union
            select u.facility, g.holder, greatest(u.b, g.b), least(u.e, g.e)
            from up u join edge g on g.held = u.p and g.b < u.e and u.b < g.e
        ),
        down (facility, p, b, e) as (
            select * from up
            union
            select d.facility, g.held, greatest(d.b, g.b), least(d.e, g.e)
            from down d join edge g on g.holder = d.p and g.b < d.e and d.b < g.e
        )
        select * from down;
        create index on insider (facility, p); analyze insider;
        """,
    ),
    (
        "parts",
        """
        create unlogged table part as
        select u.day, u.consumer, u.facility, u.purpose, u.via_platform, u.charge_fen,
            u.millicard_seconds * (c.megaflops_fp16 / 1000000) as q,
            u.via_platform and exists (
                select from insider i
                where i.facility = u.facility and i.p = u.consumer and i.b <= u.day and u.day < i.e
            ) as inside,
            f.region like '34%' as in_province, f.intelligent
        from use u join facility_facts f using (facility) join chip_facts c using (chip)
        where u.day >= {w0} and u.day < {w1};
        analyze part;
        create unlogged table scope as
        select facility, sum(q) filter (where not inside) as outside, sum(q) as used,
            coalesce(sum(q) filter (where not inside), 0) = 0 as out_of_scheme,
            coalesce(sum(q) filter (where not inside), 0) * 10 < sum(q) as in_doubt
        from part where via_platform group by facility;
        analyze scope;
        create unlogged table judged as
        select p.day, p.consumer, p.facility, p.charge_fen, p.q, p.via_platform,
            not s.out_of_scheme as in_scheme,
            p.purpose <> 2 and p.in_province and p.intelligent and not (p.inside and s.out_of_scheme) as kept,
            p.purpose = 0 or (p.inside and s.in_doubt) as held
        from part p left join scope s using (facility);
        drop table part; analyze judged;
        """,
    ),
    (
        "own figures",
        """
        create unlogged table consumption as
        select consumer, sum(charge_fen) filter (where via_platform) as all_charges,
            sum(charge_fen) filter (where via_platform and kept and not held) as charges,
            sum(charge_fen) filter (where via_platform and kept) as released_charges,
            sum(q) filter (where via_platform and kept and not held) as consumed,
            sum(q) filter (where via_platform and kept) as released_consumed
        from judged group by consumer;
        create unlogged table supply as
        select o.party, sum(j.q * (o.share_billionths / 10000000)) as supplied
        from judged j join facility_facts f using (facility) join facility_owners o using (seq)
        where j.via_platform and j.in_scheme and o.party <> j.consumer group by o.party;
        create unique index on consumption (consumer); create unique index on supply (party);
        analyze consumption; analyze supply;
        """,
    ),
    (
        "group figures",
        """
        create unlogged table pool_use as
        select g.root, j.day, sum(j.q) filter (where not j.held) as consumed, sum(j.q) as released
        from judged j join grouped g on g.x = j.consumer and g.b <= j.day and j.day < g.e
        where j.via_platform and j.kept group by g.root, j.day;
        create unlogged table pool_supply as
        select go.root, j.day, sum(j.q * (o.share_billionths / 10000000)) as supplied
        from judged j join facility_facts f using (facility) join facility_owners o using (seq)
            join grouped go on go.x = o.party and go.b <= j.day and j.day < go.e
            left join grouped gc on gc.x = j.consumer and gc.b <= j.day and j.day < gc.e
        where j.via_platform and j.in_scheme and coalesce(gc.root, -1) <> go.root group by go.root, j.day;
        create index on pool_use (root, day); create index on pool_supply (root, day);
        analyze pool_use; analyze pool_supply;
        create unlogged table group_use as
        select g.x, sum(p.consumed) as consumed, sum(p.released) as released
        from grouped g join consumption c on c.consumer = g.x
            join pool_use p on p.root = g.root and g.b <= p.day and p.day < g.e group by g.x;
        create unlogged table group_supply as
        select g.x, sum(p.supplied) as supplied
        from grouped g join consumption c on c.consumer = g.x
            join pool_supply p on p.root = g.root and g.b <= p.day and p.day < g.e group by g.x;
        create unlogged table member as select distinct x from grouped;
        create unique index on group_use (x); create unique index on group_supply (x);
        create unique index on member (x); analyze group_use; analyze group_supply; analyze member;
        """,
    ),
    (
        "public support",
        """
        create unlogged table support as
        select consumer, sum(
            (amount_fen * (least(served_to + 1, {w1}) - served_from)
                - mod(mod(amount_fen * (least(served_to + 1, {w1}) - served_from), n) + n, n)) / n
            - (amount_fen * (greatest(served_from, {w0}) - served_from)
                - mod(mod(amount_fen * (greatest(served_from, {w0}) - served_from), n) + n, n)) / n
        ) as fen
        from (select *, (served_to + 1 - served_from)::bigint as n from expenditure_facts) x
        where kind = 'public_support' and served_from < {w1} and served_to >= {w0} group by consumer;
        create unique index on support (consumer); analyze support;
        """,
    ),
    (
        "lines",
        """
        create unlogged table line as
        with figure as (
            select c.consumer, coalesce(c.all_charges, 0)::numeric as everything,
                coalesce(c.charges, 0)::numeric as charges,
                coalesce(c.released_charges, 0)::numeric as released_charges,
                greatest(0, least(coalesce(c.all_charges, 0), coalesce(c.all_charges, 0) - coalesce(t.fen, 0)))::numeric
                    as covered,
                coalesce(c.consumed, 0) * 100 as consumed, coalesce(c.released_consumed, 0) * 100 as released_consumed,
                coalesce(s.supplied, 0) as supplied,
                case when m.x is null then coalesce(c.consumed, 0) else coalesce(gu.consumed, 0) end * 100
                    as g_consumed,
                case when m.x is null then coalesce(c.released_consumed, 0) else coalesce(gu.released, 0) end * 100
                    as g_released,
                case when m.x is null then coalesce(s.supplied, 0) else coalesce(gs.supplied, 0) end as g_supplied,
                e.party is null as unknown, not e.independent_legal_person or e.region not like '34%'
                    or (e.kind = 'enterprise' and e.ai_enterprise is false) as refused,
                e.kind not in ('enterprise', 'university', 'research_institute')
                    or (e.kind = 'enterprise' and e.ai_enterprise is null) as waiting
            from consumption c left join supply s on s.party = c.consumer left join support t on t.consumer = c.consumer
                left join member m on m.x = c.consumer left join group_use gu on gu.x = c.consumer
                left join group_supply gs on gs.x = c.consumer left join entity_facts e on e.party = c.consumer
        ),
        money as (
            select *,
                case when everything = 0 or consumed <= supplied or g_consumed <= g_supplied then 0
                    when (consumed - supplied) * g_consumed <= (g_consumed - g_supplied) * consumed
                    then div(charges * covered * (consumed - supplied), 5 * everything * consumed)
                    else div(charges * covered * (g_consumed - g_supplied), 5 * everything * g_consumed) end as award,
                case when everything = 0 or released_consumed <= supplied or g_released <= g_supplied then 0
                    when (released_consumed - supplied) * g_released <= (g_released - g_supplied) * released_consumed
                    then div(
                        released_charges * covered * (released_consumed - supplied), 5 * everything * released_consumed
                    )
                    else div(released_charges * covered * (g_released - g_supplied), 5 * everything * g_released)
                    end as released_award
            from figure
        )
        select p.uscc, m.consumed, m.supplied, m.g_consumed, m.g_supplied,
            case when m.refused or m.waiting or m.unknown then 0 else m.award end as award_fen,
            greatest(0, case when m.refused then 0 else m.released_award end
                - case when m.refused or m.waiting or m.unknown then 0 else m.award end) as held_fen
        from money m join parties p on p.party = m.consumer;
        """,
    ),
)
SESSION = (
    "set work_mem = '768MB'",
    "set maintenance_work_mem = '768MB'",
    "set max_parallel_workers_per_gather = 2",
    "set synchronous_commit = off",
)


async def settle_by_sql(
    url: str, inputs: Inputs, of_round: Round, more: Sequence[tuple[str, str]] = ()
) -> tuple[float, dict[str, float], pl.DataFrame]:
    """Measure seconds in all and by step, without loading; and uscc, award_fen, held_fen by code."""
    assert of_round.window is not None, "a draft has no window"
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"drop schema if exists {SCHEMA} cascade; create schema {SCHEMA}")
        await connection.execute(f"set search_path = {SCHEMA}")
        for setting in SESSION:
            await connection.execute(setting)
        await _load(connection, inputs)
        seconds: dict[str, float] = {}
        first, end = map(str, of_round.window)
        for name, statement in (*STEPS, *more):
            started = time.perf_counter()
            await connection.execute(statement.replace("{w0}", first).replace("{w1}", end))
            seconds[name] = time.perf_counter() - started
        rows = await connection.fetch("select uscc, award_fen::bigint, held_fen::bigint from line order by uscc")
        found = pl.DataFrame([tuple(row) for row in rows], schema=["uscc", "award_fen", "held_fen"], orient="row")
        await connection.execute(f"drop schema {SCHEMA} cascade")
    finally:
        await connection.close()
    return sum(seconds.values()), seconds, found


async def _load(connection: Any, inputs: Inputs) -> None:
    """Load the inputs as analysed tables with the indexes such tables would have."""
    for name in TABLES:
        frame: pl.DataFrame = getattr(inputs, name)
        columns = ", ".join(f'"{column}" {TYPES[kind.base_type()]}' for column, kind in frame.schema.items())
        await connection.execute(f'create unlogged table "{name}" ({columns})')
        for part in frame.iter_slices(1_000_000):
            body = io.BytesIO(part.write_csv(include_header=False).encode())
            await connection.copy_to_table(name, source=body, format="csv", schema_name=SCHEMA)
    for statement in (
        "create unique index on parties (party)",
        "create index on entity_facts (party)",
        "create index on facility_facts (facility)",
        "create index on facility_owners (seq)",
        'create index on "use" (day)',
    ):
        await connection.execute(statement)
    await connection.execute("analyze")
