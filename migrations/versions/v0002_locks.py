"""Summarizing the journal has a lock of its own, and comments name no file of the code.

Until now it shared one with migrating: each waited for the other, or left its work undone.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COMMENTS = {
    "table archive_sealing": "batches sealed to files, one sealing after the other",
    "table entry": "one accepted usage record, fixed width",
    "table finding": "what a sweep of a settlement's records found for its reviewers",
    "table rollup": "one block's sums; days since 1970-01-01, Asia/Shanghai",
    "column api_key.signed": "whether every request with it must be signed",
    "column audit.digest": "algorithm:hex over the digest before and this row",
    "column entity_fact.bank_account": "sealed under a key that is kept outside the database",
}


def upgrade() -> None:
    """Replace the function, with its rights as they were, and the comments."""
    op.execute("""
        create or replace function summarize_journal() returns void
        language plpgsql security definer set search_path = public as $$
        begin
            if pg_try_advisory_xact_lock(23228) then
                perform brin_summarize_new_values('entry_batch_started_at_idx');
                if pg_relation_size('entry') > 1000000 + 1.5 * (
                    select relpages * current_setting('block_size')::bigint from pg_class where oid = 'entry'::regclass
                ) then
                    analyze entry (batch, started_at);
                end if;
            end if;
        end $$
    """)
    for place, said in COMMENTS.items():
        quoted = said.replace("'", "''")
        op.execute(f"comment on {place} is '{quoted}'")
