"""Instructions are numbered one after another: a lock that is tried first and undone takes no number with it."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Number what is inserted behind what there is; the numbers that were given stay."""
    op.execute("""
        create function payout_numbered() returns trigger language plpgsql security definer
        set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
        begin
            perform pg_advisory_xact_lock(23229);  -- 0x5ABD: of two locks at once, the second numbers behind the first
            new.id := 1 + coalesce((select max(id) from public.payout_instruction), 0);
            return new;
        end $$
    """)
    op.execute("""create trigger payout_numbered before insert on payout_instruction
        for each row execute function payout_numbered()""")
