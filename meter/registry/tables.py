"""The registry's tables: one row a fact, with the batch in which it became known."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

from meter.database.metadata import METADATA
from meter.vocabulary import ACCOUNT_EVENTS, EXPENDITURE_KINDS, one_of

SHARE = Numeric(10, 9)
RATING = Numeric(18, 6)


def _fact() -> list[Column[object]]:
    """Return when a fact became known: its batch and its place in the request."""
    return [
        Column("batch", BigInteger, ForeignKey("batch.batch"), nullable=False),
        Column("ordinal", Integer, nullable=False),
    ]


def _content() -> Column[object]:
    """Return the item as the contract shapes it, in one spelling: what repeats are compared by and what is given
    back.
    """
    return Column("content", Text, nullable=False)


def _period() -> list[Column[object]]:
    """Return when a fact holds: from inclusive (none: since ever), to exclusive (none: until superseded)."""
    return [Column("valid_from", Date), Column("valid_to", Date)]


def _ordered(name: str) -> CheckConstraint:
    return CheckConstraint("valid_from is null or valid_to is null or valid_from < valid_to", name=name)


entity_fact = Table(
    "entity_fact",
    METADATA,
    *_fact(),
    _content(),
    Column("party", Integer, ForeignKey("party.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("independent_legal_person", Boolean, nullable=False),
    Column("region", Text, nullable=False),
    Column("ai_enterprise", Boolean),
    Column("state_body", Boolean, nullable=False),
    Column("bank_account", Text, comment="sealed under a key that is kept outside the database"),
    *_period(),
    PrimaryKeyConstraint("batch", "ordinal"),
    _ordered("period"),
)

account_proposal = Table(
    "account_proposal",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("party", Integer, ForeignKey("party.id"), nullable=False, index=True),
    Column("batch", BigInteger, comment="of the fact that states it; null where a person or the entity proposed it"),
    Column("ordinal", Integer),
    Column("account", Text, nullable=False, comment="sealed under a key that is kept outside the database"),
    Column(
        "digest", Text, nullable=False, comment="SHA-256 of the sealed account: equal accounts of one entity have one"
    ),
    Column(
        "masked", Text, nullable=False, comment="bank and last places; empty for what was recorded before approvals"
    ),
    Column("holder_differs", Boolean, nullable=False, comment="whether the holder is called otherwise than the entity"),
    Column("valid_from", Date),
    Column("valid_to", Date),
    Column("actor", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    ForeignKeyConstraint(["batch", "ordinal"], ["entity_fact.batch", "entity_fact.ordinal"]),
    CheckConstraint("(batch is null) = (ordinal is null)", name="of_a_fact"),
    comment="a bank account that the registry was told of; nothing is paid to it before another hand has approved it",
)

account_event = Table(
    "account_event",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("proposal", BigInteger, ForeignKey("account_proposal.id"), nullable=False, unique=True),
    Column("event", Text, CheckConstraint(one_of("event", ACCOUNT_EVENTS), name="event_known"), nullable=False),
    Column("holder_confirmed", Boolean, nullable=False),
    Column("replaces", BigInteger, ForeignKey("account_proposal.id"),
           comment="the proposal whose account was in force at that moment"),
    Column("actor", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("note", Text),
    comment="what became of a proposal: an account is approved or rejected once",
)  # fmt: skip

facility_fact = Table(
    "facility_fact",
    METADATA,
    *_fact(),
    _content(),
    Column("facility", Integer, ForeignKey("facility.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("intelligent", Boolean, nullable=False),
    Column("operator", Integer, ForeignKey("party.id")),
    Column("capacity", JSONB),
    *_period(),
    PrimaryKeyConstraint("batch", "ordinal"),
    _ordered("period"),
)

facility_owner = Table(
    "facility_owner",
    METADATA,
    *_fact(),
    Column("party", Integer, ForeignKey("party.id"), nullable=False, index=True),
    Column("share", SHARE, CheckConstraint("share > 0 and share <= 1", name="share_range"), nullable=False),
    PrimaryKeyConstraint("batch", "ordinal", "party"),
    comment="the investors of the facility fact with the same batch and ordinal",
)

chip_fact = Table(
    "chip_fact",
    METADATA,
    *_fact(),
    _content(),
    Column("chip", Integer, ForeignKey("chip.id"), nullable=False, index=True),
    Column("tflops_fp16", RATING, CheckConstraint("tflops_fp16 > 0", name="rating_positive"), nullable=False),
    Column("source", Text, nullable=False),
    *_period(),
    PrimaryKeyConstraint("batch", "ordinal"),
    _ordered("period"),
)

holding_fact = Table(
    "holding_fact",
    METADATA,
    *_fact(),
    _content(),
    Column("holder", Integer, ForeignKey("party.id"), nullable=False),
    Column("held", Integer, ForeignKey("party.id"), nullable=False, index=True),
    Column("share", SHARE, CheckConstraint("share >= 0 and share <= 1", name="share_range"), nullable=False),
    Column("document", Text, nullable=False),
    *_period(),
    PrimaryKeyConstraint("batch", "ordinal"),
    _ordered("period"),
    CheckConstraint("holder <> held", name="not_itself"),
)

expenditure_fact = Table(
    "expenditure_fact",
    METADATA,
    *_fact(),
    _content(),
    Column("id", Text, nullable=False, unique=True),
    Column("consumer", Integer, ForeignKey("party.id"), nullable=False, index=True),
    Column(
        "kind",
        Text,
        CheckConstraint(one_of("kind", EXPENDITURE_KINDS), name="kind_known"),
        nullable=False,
    ),
    Column("served_from", Date, nullable=False),
    Column("served_to", Date, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    PrimaryKeyConstraint("batch", "ordinal"),
    CheckConstraint("served_from <= served_to", name="period"),
)

control_total = Table(
    "control_total",
    METADATA,
    *_fact(),
    _content(),
    Column("source", Integer, ForeignKey("source.id"), nullable=False),
    Column("day", Date, nullable=False),
    Column("records", BigInteger, CheckConstraint("records >= 0", name="records_range"), nullable=False),
    Column("charge_fen", BigInteger, CheckConstraint("charge_fen >= 0", name="charge_range"), nullable=False),
    PrimaryKeyConstraint("batch", "ordinal"),
    comment="what a source says it sent for a local day; the latest statement counts",
)
