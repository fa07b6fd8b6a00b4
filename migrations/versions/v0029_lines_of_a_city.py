"""A city's part of a settlement is found without reading the rest of it, and the planner hears of new lines at once."""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index that a city's totals are read from, and the function that has lines counted."""
    op.execute("""
        create index settlement_line_region_idx on settlement_line (settlement, region)
        include (award_fen, held_fen, payable_fen, adjustment_fen)
    """)
    # The same rows as before. Row security comes first, and behind it an index is looked into for a plain comparison
    # only: a city's regions lie between two of them.
    op.execute("""
        create or replace view city.settlement with (security_barrier) as
        select s.id, s.round, s.status, s.as_of, s.payment_order, s.readings, '[]'::jsonb as matches,
               '[]'::jsonb as applications, '[]'::jsonb as match_lines,
               (select jsonb_build_object('award_fen', coalesce(sum(l.award_fen), 0),
                    'held_fen', coalesce(sum(l.held_fen), 0), 'payable_fen', coalesce(sum(l.payable_fen), 0))
                    || case when s.adjusts is null then '{}'::jsonb
                            else jsonb_build_object('adjustment_fen',
                                 coalesce(sum(coalesce(l.adjustment_fen, l.payable_fen)), 0)) end
                from public.settlement_line l
                where l.settlement = s.id and public.suanbu_city(l.region) = current_setting('suanbu.city', true)
                and l.region >= left(current_setting('suanbu.city', true), 4) || '00'
                and l.region <= left(current_setting('suanbu.city', true), 4) || '99') as totals,
               '{}'::jsonb as receipt, s.digest, ''::bytea as fingerprint, s.adjusts, ''::text as run_by, s.created_at
        from public.settlement s
        where current_setting('suanbu.city', true) ~ '^[0-9]{6}$'
    """)
    # until the server's own turn comes it takes a new settlement for a line or two, and joins each of them by a loop
    op.execute("""
        create function settlement_lines_counted() returns void language plpgsql security definer
        set search_path = pg_catalog, public, pg_temp as $$
        begin
            analyze public.settlement_line (settlement, uscc, region, outcome, held_fen, payable_fen);
        end $$
    """)
    op.execute("""comment on function settlement_lines_counted() is
        'after a run has stored its lines: statistics for the planner, which hold nothing that decides'""")
    op.execute("revoke execute on function settlement_lines_counted() from public")
    op.execute("grant execute on function settlement_lines_counted() to suanbu_service")
