"""The audit log's table."""

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Index, Table, Text, text

from meter.database.metadata import METADATA

audit = Table(
    "audit",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("detail", Text, nullable=False, comment="JSON, in the spelling that the digest covers"),
    Column("digest", Text, nullable=False, comment="algorithm:hex over the digest before and this row"),
    CheckConstraint("seq >= 1", name="numbered"),
    Index("audit_checkpoint_idx", "seq", postgresql_where=text("action = 'checkpoint.make'")),
    comment="who did what, when, with what result; written by audit_append only, under one lock",
)
