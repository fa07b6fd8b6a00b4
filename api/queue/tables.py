"""Jobs, their output in pieces, and how many ended how. Rows change by the functions of the database alone."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from meter.database.metadata import METADATA

MOMENT = DateTime(timezone=True)
LANES = ("short", "long")
STATES = ("queued", "running", "done", "failed", "cancelled")

job = Table(
    "job",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, CheckConstraint("kind ~ '^[a-z_]{1,32}$'", name="kind"), nullable=False),
    Column("lane", Text, CheckConstraint(f"lane in {LANES}", name="lane"), nullable=False),
    Column("parameters", JSONB, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("fresh", Boolean, nullable=False, comment="asked with password and code shown just before"),
    Column(
        "city",
        Text,
        CheckConstraint("city ~ '^[0-9]{4}00$'", name="city_code"),
        comment="the city to which it is bound",
    ),
    Column("media_type", Text, comment="of its output, where it has any"),
    Column("file_name", Text),
    Column("state", Text, CheckConstraint(f"state in {STATES}", name="state"), nullable=False),
    Column("stage", Text, nullable=False, comment="what it is at, in a word"),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger),
    Column("result", JSON),
    Column("error", JSON, comment="status, code and detail of a problem"),
    Column("attempts", Integer, nullable=False),
    Column("fence", Integer, nullable=False, comment="whoever holds an older one changes nothing"),
    Column("worker", Text),
    Column("lease_until", MOMENT),
    Column("asked_at", MOMENT, nullable=False),
    Column("started_at", MOMENT),
    Column("ended_at", MOMENT, index=True),
    CheckConstraint("(state = 'running') = (lease_until is not null)", name="leased"),
    CheckConstraint("(state in ('done', 'failed', 'cancelled')) = (ended_at is not null)", name="ended"),
    CheckConstraint(
        "(state = 'done') = (result is not null) and (state = 'failed') = (error is not null)", name="outcome"
    ),
    CheckConstraint("done >= 0 and total >= 0 and attempts >= 0 and fence >= attempts", name="counts"),
    Index("job_open_idx", "lane", "id", postgresql_where=text("ended_at is null")),
    Index("job_asked_by_idx", "asked_by", "id"),
    comment="heavy work that somebody asked for; it is done by a process that receives no usage",
)

job_output = Table(
    "job_output",
    METADATA,
    Column("job", BigInteger, ForeignKey("job.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("fence", Integer, primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("bytes", LargeBinary, nullable=False),
    CheckConstraint("seq >= 0 and length(bytes) between 1 and 1048576", name="piece"),
    comment="what a job gives in bytes, in pieces; kept until it was fetched at leisure",
)

job_tally = Table(
    "job_tally",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("state", Text, primary_key=True),
    Column("jobs", BigInteger, nullable=False),
    Column("waited_ms", BigInteger, nullable=False),
    Column("worked_ms", BigInteger, nullable=False),
    CheckConstraint("jobs > 0 and waited_ms >= 0 and worked_ms >= 0", name="counts"),
    comment="how many jobs ended how, and how long they waited and took: also of those that are forgotten",
)
