"""Heavy work is a job: a queue with fenced leases, the output of jobs in pieces, and what became of them by kind.

A settlement, a verification or a report ran in the process that receives usage, for as long as the request lasted; one
that was killed was lost, and a request that waited longer than a proxy allows had no answer.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables, then run the statements beside this file."""
    _create_job()
    _create_output_and_tally()
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split("\n--;\n"):
        op.get_bind().exec_driver_sql(statement)


def _create_job() -> None:
    op.create_table(
        "job",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("parameters", JSONB(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("scopes", ARRAY(sa.Text()), nullable=False),
        sa.Column("fresh", sa.Boolean(), nullable=False, comment="asked with password and code shown just before"),
        sa.Column("city", sa.Text(), nullable=True, comment="the city to which it is bound"),
        sa.Column("media_type", sa.Text(), nullable=True, comment="of its output, where it has any"),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False, comment="what it is at, in a word"),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("error", sa.JSON(), nullable=True, comment="status, code and detail of a problem"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False, comment="whoever holds an older one changes nothing"),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.CheckConstraint("kind ~ '^[a-z_]{1,32}$'", name="job_kind_check"),
        sa.CheckConstraint("lane in ('short', 'long')", name="job_lane_check"),
        sa.CheckConstraint("city ~ '^[0-9]{4}00$'", name="job_city_code_check"),
        sa.CheckConstraint("state in ('queued', 'running', 'done', 'failed', 'cancelled')", name="job_state_check"),
        sa.CheckConstraint("(state = 'running') = (lease_until is not null)", name="job_leased_check"),
        sa.CheckConstraint(
            "(state in ('done', 'failed', 'cancelled')) = (ended_at is not null)", name="job_ended_check"
        ),
        sa.CheckConstraint(
            "(state = 'done') = (result is not null) and (state = 'failed') = (error is not null)",
            name="job_outcome_check",
        ),
        sa.CheckConstraint("done >= 0 and total >= 0 and attempts >= 0 and fence >= attempts", name="job_counts_check"),
        sa.PrimaryKeyConstraint("id", name="job_pkey"),
        comment="heavy work that somebody asked for; it is done by a process that receives no usage",
    )
    op.create_index("job_open_idx", "job", ["lane", "id"], postgresql_where=sa.text("ended_at is null"))
    op.create_index("job_asked_by_idx", "job", ["asked_by", "id"])
    op.create_index("job_ended_at_idx", "job", ["ended_at"])


def _create_output_and_tally() -> None:
    op.create_table(
        "job_output",
        sa.Column("job", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("seq >= 0 and length(bytes) between 1 and 1048576", name="job_output_piece_check"),
        sa.ForeignKeyConstraint(["job"], ["job.id"], name="job_output_job_fkey", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job", "fence", "seq", name="job_output_pkey"),
        comment="what a job gives in bytes, in pieces; kept until it was fetched at leisure",
    )
    op.create_table(
        "job_tally",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("jobs", sa.BigInteger(), nullable=False),
        sa.Column("waited_ms", sa.BigInteger(), nullable=False),
        sa.Column("worked_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("jobs > 0 and waited_ms >= 0 and worked_ms >= 0", name="job_tally_counts_check"),
        sa.PrimaryKeyConstraint("kind", "state", name="job_tally_pkey"),
        comment="how many jobs ended how, and how long they waited and took: also of those that are forgotten",
    )
