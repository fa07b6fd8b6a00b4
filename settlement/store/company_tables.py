"""What companies are told and say: how far a line's award may move, and that they want what a round awards them."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from meter.database.metadata import METADATA

settlement_interval = Table(
    "settlement_interval",
    METADATA,
    Column("settlement", Text, ForeignKey("settlement.id"), nullable=False),
    Column("uscc", Text, nullable=False),
    Column("strictest_fen", BigInteger, nullable=False),
    Column("generous_fen", BigInteger, nullable=False),
    PrimaryKeyConstraint("settlement", "uscc"),
    CheckConstraint("0 <= strictest_fen and strictest_fen <= generous_fen", name="ordered"),
    comment="the least and the greatest award of each line over all readings, as it was computed once: told to the "
    "entity itself",
)

company_confirmation = Table(
    "company_confirmation",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("uscc", Text, nullable=False, index=True),
    Column("round", Text, nullable=False),
    Column(
        "account",
        BigInteger,
        ForeignKey("account_proposal.id"),
        comment="the account in force that was confirmed; null where there was none",
    ),
    Column("actor", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    comment="that an entity wants what a round awards to it, and to which account; nothing is paid or withheld for it",
)
