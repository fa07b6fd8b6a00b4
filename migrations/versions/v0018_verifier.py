"""A verification sees of keys and people what goes on record: what opens a door by its digest only."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the function, for the command line alone."""
    op.execute("""
        create function rows_as_recorded(place text) returns setof jsonb language plpgsql stable security definer
        set search_path = pg_catalog, public, pg_temp set timezone = 'UTC' set bytea_output = 'hex' as $$
        begin
            if place not in ('api_key', 'person') then
                perform public.suanbu_refuse('no_such_table', format('%s is read as it stands', place));
            end if;
            return query execute format('select public.suanbu_row(to_jsonb(t)) from public.%I t', place);
        end $$
    """)
    op.execute("""comment on function rows_as_recorded(text) is
        'the rows of a table whose secrets nobody reads, as they go on record: for verifying'""")
    op.execute("revoke execute on function rows_as_recorded(text) from public")
    op.execute("grant execute on function rows_as_recorded(text) to suanbu_command")
