"""The journal's tables: append only, except that nothing here is ever updated or deleted at all."""

from sqlalchemy import (
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
    SmallInteger,
    Table,
    Text,
    Uuid,
)

from meter.database.metadata import METADATA
from meter.vocabulary import BATCH_KINDS, CONFLICT_DECISIONS, QUARANTINE_STATUSES, one_of

MOMENT = DateTime(timezone=True)

source = Table(
    "source",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    comment="who sends usage records; named by an API key",
)

party = Table(
    "party",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("uscc", Text, CheckConstraint("length(uscc) = 18", name="uscc_length"), nullable=False, unique=True),
    comment="a number for every legal entity whose code was ever seen, registered or not",
)

facility = Table(
    "facility",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("code", Text, nullable=False, unique=True),
    comment="a number for every facility",
)

chip = Table(
    "chip",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("code", Text, nullable=False, unique=True),
    comment="a number for every accelerator model",
)

batch = Table(
    "batch",
    METADATA,
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("source", Integer, ForeignKey("source.id")),
    Column("recorded_at", MOMENT, nullable=False),
    Column("received", Integer, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("duplicate", Integer, nullable=False),
    Column("conflict", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("registry_batch", BigInteger, nullable=False),
    Column("key_name", Text, nullable=False),
    Column("contents", Text, nullable=False),
    Column("algorithm", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    CheckConstraint("received = accepted + duplicate + conflict + refused", name="nothing_dropped"),
    CheckConstraint(
        one_of("kind", BATCH_KINDS),
        name="kind_known",
    ),
    CheckConstraint("batch >= 1 and registry_batch <= batch", name="numbered"),
    Index("batch_key_name_idx", "key_name", "batch"),  # who recorded what a settlement rests on
    comment="one delivery and its receipt; numbered in commit order; `contents` are the digests that `digest` covers",
)

batch_body = Table(
    "batch_body",
    METADATA,
    Column("batch", BigInteger, ForeignKey("batch.batch"), primary_key=True, autoincrement=False),
    Column("content_type", Text, nullable=False),
    Column("codec", Text, CheckConstraint("codec in ('zstd', 'plain')", name="codec_known"), nullable=False),
    Column("body", LargeBinary, nullable=False),
    comment="the decoded body as received, so that nothing a source said is lost",
)

MEASURED = (
    "consumer",
    "facility",
    "chip",
    "millicards",
    "started_at",
    "ended_at",
    "charge_fen",
    "purpose",
    "via_platform",
)


def _measured(*, referring: bool) -> list[Column[object]]:
    """Return the columns that say what was used, in the order of the journal row.

    With foreign keys where they cost little.
    """

    def number_of(column: str, table: str) -> Column[object]:
        return Column(column, Integer, *([ForeignKey(f"{table}.id")] if referring else []), nullable=False)

    return [
        number_of("consumer", "party"),
        number_of("facility", "facility"),
        number_of("chip", "chip"),
        Column("millicards", BigInteger, nullable=False),
        Column("started_at", MOMENT, nullable=False),
        Column("ended_at", MOMENT, nullable=False),
        Column("charge_fen", BigInteger, nullable=False),
        Column("purpose", SmallInteger, nullable=False),
        Column("via_platform", Boolean, nullable=False),
    ]


entry = Table(
    "entry",
    METADATA,
    Column("batch", BigInteger, nullable=False),
    Column("ordinal", Integer, nullable=False),
    # no index on the key: meter/journal/keys/key_file.py says why and what stands in its place
    Column("key", Uuid, nullable=False),
    Column("source", Integer, nullable=False),
    *_measured(referring=False),  # for every row they would cost ten times the row: a trigger looks at each COPY once
    Column("action", SmallInteger, nullable=False),
    Column("corrects", Uuid, nullable=False),
    Column("order_digest", BigInteger, nullable=False),
    Column("evidence_digest", BigInteger, nullable=False),
    # batches lie in the heap in their order, and moments nearly so: a summary of page ranges finds both at almost no
    # cost of writing, and one of two columns costs no more than one of one
    Index(
        "entry_batch_started_at_idx",
        "batch",
        "started_at",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 128},
    ),
    comment="one accepted usage record, fixed width",
)

reversal = Table(
    "reversal",
    METADATA,
    Column("key", Uuid, primary_key=True),
    Column("batch", BigInteger, nullable=False, index=True),
    Column("ordinal", Integer, nullable=False),
    *_measured(referring=True),
    comment="what a correction takes back: the measured columns of the record that no longer counts; once, ever",
)

quarantine = Table(
    "quarantine",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("batch", BigInteger, ForeignKey("batch.batch"), nullable=False, index=True),
    Column("ordinal", Integer, nullable=False),
    Column("source", Integer, ForeignKey("source.id"), nullable=False),
    Column("record_id", Text),
    Column("status", Text, CheckConstraint(one_of("status", QUARANTINE_STATUSES), name="status_known"), nullable=False),
    Column("code", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("against", Uuid),
    Column("against_batch", BigInteger),
    Column("consumer", Text),
    Column("started_at", MOMENT),
    Column("ended_at", MOMENT),
    CheckConstraint(
        "(status = 'conflict') = (against is not null and against_batch is not null)", name="conflict_names_first"
    ),
    Index("quarantine_record_id_idx", "record_id"),
    comment="records kept verbatim for a person: refused ones, and second versions of an id already recorded",
)

quarantine_release = Table(
    "quarantine_release",
    METADATA,
    Column("quarantine", BigInteger, ForeignKey("quarantine.id"), primary_key=True, autoincrement=False),
    Column("batch", BigInteger, ForeignKey("batch.batch"), nullable=False),
    comment="a refused record that a replay accepted later, and in which batch",
)

conflict_decision = Table(
    "conflict_decision",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("quarantine", BigInteger, ForeignKey("quarantine.id"), nullable=False, index=True),
    Column(
        "decision",
        Text,
        CheckConstraint(one_of("decision", CONFLICT_DECISIONS), name="decision_known"),
        nullable=False,
        comment="source_asked leaves it open; the first stands, or its source has corrected it, ends it",
    ),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
    comment="what somebody decided about a second version of a record: the first is counted as before",
)
