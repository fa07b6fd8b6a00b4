"""Where entries of the registry lie until somebody else has decided about them, and what became of them."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, ForeignKey, Identity, Table, Text

from meter.database.metadata import METADATA
from meter.vocabulary import ENTRY_EVENTS, ENTRY_KINDS, one_of

registry_entry = Table(
    "registry_entry",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, CheckConstraint(one_of("kind", ENTRY_KINDS), name="kind_known"), nullable=False),
    Column("item", Text, nullable=False, comment="the item as the contract shapes it"),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    comment="a fact as somebody entered it in the console; it is in no registry before another hand has confirmed it",
)

registry_entry_event = Table(
    "registry_entry_event",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("entry", BigInteger, ForeignKey("registry_entry.id"), nullable=False, unique=True),
    Column("event", Text, CheckConstraint(one_of("event", ENTRY_EVENTS), name="event_known"), nullable=False),
    Column("batch", BigInteger, ForeignKey("batch.batch"), unique=True),
    Column("actor", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("note", Text),
    CheckConstraint("(event = 'confirm') = (batch is not null)", name="recorded"),
    comment="what became of an entry: it is confirmed, and recorded in a batch of its own, or rejected, once",
)
