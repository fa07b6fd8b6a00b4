"""The settlement's tables: what was decided, line by line, what happened to it, and what is to be paid."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from meter.database.metadata import METADATA

MOMENT = DateTime(timezone=True)

STATUSES = ("computed", "submitted", "reviewed", "approved", "published", "locked", "paid", "cancelled")

settlement_transition = Table(
    "settlement_transition",
    METADATA,
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    PrimaryKeyConstraint("before", "after"),
    comment="the changes of state that are allowed; the database refuses every other",
)

settlement = Table(
    "settlement",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("round", Text, nullable=False, index=True),
    Column(
        "status",
        Text,
        CheckConstraint(
            "status in ('computed', 'submitted', 'reviewed', 'approved', 'published', 'locked', 'paid', 'cancelled')",
            name="status_known",
        ),
        nullable=False,
    ),
    Column("as_of", BigInteger, nullable=False),
    Column("payment_order", JSONB, nullable=False),
    Column("readings", JSONB, nullable=False),
    Column("matches", JSONB, nullable=False, comment="compute-centre matches as they were asked for"),
    Column("applications", JSONB, nullable=False, comment="applications as they were asked for (drafts)"),
    Column("match_lines", JSONB, nullable=False, comment="what the matches come to"),
    Column("totals", JSONB, nullable=False),
    Column("receipt", JSONB, nullable=False),
    Column("digest", Text, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False, comment="stands for everything the result follows from"),
    Column("adjusts", Text, ForeignKey("settlement.id")),
    Column("run_by", Text, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Index("settlement_fingerprint_idx", "fingerprint", unique=True, postgresql_where=text("status <> 'cancelled'")),
    # money is decided once a round; whatever comes later stands on what was locked before, in one line
    Index(
        "settlement_first_locked_idx",
        "round",
        unique=True,
        postgresql_where=text("adjusts is null and status in ('locked', 'paid')"),
    ),
    Index(
        "settlement_next_locked_idx",
        "adjusts",
        unique=True,
        postgresql_where=text("status in ('locked', 'paid')"),
    ),
)

settlement_line = Table(
    "settlement_line",
    METADATA,
    Column("settlement", Text, ForeignKey("settlement.id"), nullable=False),
    Column("uscc", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("region", Text),
    Column(
        "outcome",
        Text,
        CheckConstraint("outcome in ('payable', 'held', 'nothing')", name="outcome_known"),
        nullable=False,
    ),
    Column("award_fen", BigInteger, nullable=False),
    Column("held_fen", BigInteger, nullable=False),
    Column("payable_fen", BigInteger, nullable=False),
    Column("adjustment_fen", BigInteger),
    Column("line", JSON, nullable=False, comment="the line as the contract shapes it"),
    Column("working", JSON, nullable=False, comment="the steps and the excluded use of the line"),
    PrimaryKeyConstraint("settlement", "uscc"),
    CheckConstraint("award_fen >= 0 and held_fen >= 0 and payable_fen between 0 and award_fen", name="amounts"),
)

settlement_event = Table(
    "settlement_event",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("settlement", Text, ForeignKey("settlement.id"), nullable=False, index=True),
    Column("event", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("detail", JSONB, nullable=False),
    CheckConstraint(
        "event in ('run', 'submit', 'review', 'approve', 'publish', 'objection', 'lock', 'cancel', 'paid')",
        name="event_known",
    ),
)

payout_instruction = Table(
    "payout_instruction",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("settlement", Text, nullable=False),
    Column("uscc", Text, nullable=False),
    Column("amount_fen", BigInteger, CheckConstraint("amount_fen > 0", name="amount_positive"), nullable=False),
    Column("reference", Text, nullable=False, unique=True),
    Column(
        "status",
        Text,
        CheckConstraint(
            "status in ('ready', 'leased', 'submitted', 'paid', 'failed', 'returned')", name="status_known"
        ),
        nullable=False,
    ),
    Column("worker", Text),
    Column("fence", Integer, nullable=False),
    Column("leased_until", MOMENT),
    Column("bank_reference", Text),
    Column("created_at", MOMENT, nullable=False),
    UniqueConstraint("settlement", "uscc"),
    ForeignKeyConstraint(["settlement", "uscc"], ["settlement_line.settlement", "settlement_line.uscc"]),
    Index("payout_instruction_status_idx", "status", "id"),
    comment="one instruction a line, for ever; the fence rises with every lease and refuses whoever held an older one",
)

payout_event = Table(
    "payout_event",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("instruction", BigInteger, ForeignKey("payout_instruction.id"), nullable=False, index=True),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("detail", JSONB, nullable=False),
)
