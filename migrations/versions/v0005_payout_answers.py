"""What was handed over as a file waits for its answer, and what the bank says about any issue is kept.

Until now a file handed over was leased again every minute, so its answer was refused for ever; a late word about an
earlier issue and an answer that did not fit were told to whoever ran the job, and to nobody else.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STATUSES = (
    "'ready', 'leased', 'submitted', 'unknown', 'handed_over', 'paid', 'failed', 'returned', 'disputed', 'offset'"
)
ADDED = (
    ("leased", "handed_over"), ("submitted", "handed_over"), ("unknown", "handed_over"), ("handed_over", "paid"),
    ("handed_over", "failed"), ("handed_over", "disputed"), ("offset", "disputed"), ("disputed", "offset"),
)  # fmt: skip
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the state, the transitions and the refused answers, then replace the guards."""
    op.add_column(
        "payout_instruction",
        sa.Column("handed_over_as", sa.Text(), nullable=True, comment="the name of the file that went to the bank"),
    )
    _replace_check("payout_instruction_payout_instruction_status_known_check_check", f"status in ({STATUSES})")
    _replace_check(
        "payout_instruction_payout_instruction_amounts_check_check",
        "amount_fen >= 0 and offset_fen >= 0 and case when amount_fen = 0 then status in ('offset', 'disputed') "
        "else status <> 'offset' end",
    )
    op.create_index("payout_event_reference_idx", "payout_event", ["reference"])
    table = sa.table("payout_transition", sa.column("before"), sa.column("after"))
    op.bulk_insert(table, [{"before": before, "after": after} for before, after in ADDED])
    op.execute("delete from payout_transition where before = 'failed' and after = 'paid'")
    _create_refusals()
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split("\n--;\n"):
        op.get_bind().exec_driver_sql(statement)


def _replace_check(name: str, condition: str) -> None:
    op.execute(f"alter table payout_instruction drop constraint {name}")
    op.execute(f"alter table payout_instruction add constraint {name} check ({condition})")


def _create_refusals() -> None:
    op.create_table(
        "payout_refusal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("instruction", sa.BigInteger(), nullable=True),
        sa.Column("about", sa.Text(), nullable=False, comment="the reference, number or file that was named"),
        sa.Column("word", sa.Text(), nullable=False, comment="what was said: paid, failed, ..., or answer"),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=True, comment="the name of the bank's file, which was set aside"),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["instruction"], ["payout_instruction.id"], name="payout_refusal_instruction_fkey"),
        sa.PrimaryKeyConstraint("id", name="payout_refusal_pkey"),
        comment="what was said about payments and not booked: a person looks at it",
    )
    op.create_index("payout_refusal_instruction_idx", "payout_refusal", ["instruction"])
    op.execute("grant select, insert on payout_refusal to suanbu_service")
    op.execute("alter table payout_refusal enable row level security")
    op.execute("alter table payout_refusal force row level security")
    # the reader sees the whole province
    op.execute("grant select on payout_refusal to suanbu_reader")
    op.execute("grant select (handed_over_as) on payout_instruction to suanbu_reader")
    op.execute("create policy reader on payout_refusal for select to suanbu_reader using (true)")
