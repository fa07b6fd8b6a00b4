"""A city's reviewers see what was found in the records of their own lines, and nothing in it of anybody else."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the function, for whoever is bound to a city; row security keeps it to that city's lines."""
    op.execute("""
        create function findings_of_city(wanted text, codes text[], most integer)
        returns table (id bigint, kind text, facility text, consumer text, started_at timestamptz,
                       ended_at timestamptz, found bigint, records bigint)
        language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
            select f.id, f.kind, case when f.kind <> 'ring' then f.facility end, l.uscc,
                   case when f.kind <> 'ring' then f.started_at end, case when f.kind <> 'ring' then f.ended_at end,
                   case when f.kind <> 'ring' then f.found end,
                   case when f.kind <> 'ring' then jsonb_array_length(f.records) end
            from public.finding f join public.settlement_line l on l.settlement = f.settlement
            and (l.uscc = f.consumer or l.uscc = any (f.parties))
            where f.settlement = wanted and l.uscc = any (codes) and f.kind in ('metered_twice', 'price_stray', 'ring')
            order by f.id, l.uscc limit most
        $$
    """)
    op.execute("""comment on function findings_of_city(text, text[], integer) is
        'what was found about lines that the reader sees: its own figures, without those it was held against'""")
    op.execute("revoke execute on function findings_of_city(text, text[], integer) from public")
    op.execute("grant execute on function findings_of_city(text, text[], integer) to suanbu_city, suanbu_service")
