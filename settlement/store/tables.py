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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from meter.database.metadata import METADATA
from meter.vocabulary import FINDING_KINDS, one_of
from settlement.vocabulary import (
    CLAWBACK_EVENTS,
    CLAWBACK_KINDS,
    CLAWBACK_STATUSES,
    EVENTS,
    OUTCOMES,
    PAYOUT_STATUSES,
    STATUSES,
)

MOMENT = DateTime(timezone=True)

settlement_transition = Table(
    "settlement_transition",
    METADATA,
    Column("event", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    PrimaryKeyConstraint("event", "before", "after"),
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
        CheckConstraint(one_of("status", STATUSES), name="status_known"),
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
    Column("settlement", Text, nullable=False, comment="what the guard of the lines looks up, once a statement"),
    Column("uscc", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("region", Text),
    Column(
        "outcome",
        Text,
        CheckConstraint(one_of("outcome", OUTCOMES), name="outcome_known"),
        nullable=False,
    ),
    Column("award_fen", BigInteger, nullable=False),
    Column("held_fen", BigInteger, nullable=False),
    Column("payable_fen", BigInteger, nullable=False),
    Column("adjustment_fen", BigInteger),
    Column("line", JSON, nullable=False, comment="the line as the contract shapes it"),
    Column("working", JSON, nullable=False, comment="the steps and the excluded use of the line"),
    PrimaryKeyConstraint("settlement", "uscc"),
    # digests go over the lines in the order of bytes, whatever the database's own collation
    Index("settlement_line_bytes_idx", "settlement", "uscc", postgresql_ops={"uscc": "text_pattern_ops"}),
    Index(
        "settlement_line_region_idx",
        "settlement",
        "region",
        postgresql_include=["award_fen", "held_fen", "payable_fen", "adjustment_fen"],
    ),
    CheckConstraint("award_fen >= 0 and held_fen >= 0 and payable_fen between 0 and award_fen", name="amounts"),
)

settlement_event = Table(
    "settlement_event",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("settlement", Text, ForeignKey("settlement.id"), nullable=False, index=True),
    Column("event", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("city", Text),
    Column("at", MOMENT, nullable=False),
    Column("transaction", BigInteger, nullable=False),
    Column("detail", JSONB, nullable=False),
    CheckConstraint(one_of("event", EVENTS), name="event_known"),
    # three people: the run and its submission, the review of a city, the approval are each by somebody else
    Index("settlement_event_run_idx", "settlement", unique=True, postgresql_where=text("event = 'run'")),
    comment="a decision; writing it down is what changes the state, and who may not decide is refused here",
)

settlement_account = Table(
    "settlement_account",
    METADATA,
    Column("event", BigInteger, ForeignKey("settlement_event.id"), nullable=False),
    Column("uscc", Text, nullable=False),
    Column("proposal", BigInteger, ForeignKey("account_proposal.id")),
    PrimaryKeyConstraint("event", "uscc"),
    comment="to which account each payable line was approved to be paid, by the event of the approval; "
    "none where there was none",
)

payout_transition = Table(
    "payout_transition",
    METADATA,
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    PrimaryKeyConstraint("before", "after"),
    comment="the changes of a payout instruction's state that are allowed; the database refuses every other",
)

payout_instruction = Table(
    "payout_instruction",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("settlement", Text, nullable=False),
    Column("uscc", Text, nullable=False),
    Column("city", Text),
    Column("amount_fen", BigInteger, nullable=False),
    Column("offset_fen", BigInteger, nullable=False),
    Column("reference", Text, nullable=False, unique=True),
    Column("issue", Integer, nullable=False),
    Column("status", Text, CheckConstraint(one_of("status", PAYOUT_STATUSES), name="status_known"), nullable=False),
    Column("worker", Text),
    Column("fence", Integer, nullable=False),
    Column("leased_until", MOMENT),
    Column("first_sent_at", MOMENT, comment="since when the bank may have it"),
    Column("bank_reference", Text),
    Column("account", Text, comment="the sealed account it is paid to, fixed when it was issued"),
    Column("created_at", MOMENT, nullable=False),
    Column("handed_over_as", Text, comment="the name of the file that went to the bank"),
    UniqueConstraint("settlement", "uscc"),
    ForeignKeyConstraint(["settlement", "uscc"], ["settlement_line.settlement", "settlement_line.uscc"]),
    CheckConstraint(
        "amount_fen >= 0 and offset_fen >= 0 and case when amount_fen = 0 then status in ('offset', 'disputed') "
        "else status <> 'offset' end",
        name="amounts",
    ),
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
    Column("transaction", BigInteger, nullable=False),
    Column("fence", Integer),
    Column("reference", Text, nullable=False, index=True),
    Column("bank_reference", Text),
    Column("moved_fen", BigInteger, nullable=False, comment="what the bank says it paid out (+) or got back (-)"),
    Column("detail", JSONB, nullable=False),
    # one movement of money at the bank is counted once
    Index(
        "payout_event_movement_idx",
        "bank_reference",
        text("sign(moved_fen)"),
        unique=True,
        postgresql_where=text("moved_fen <> 0 and bank_reference is not null"),
    ),
    comment="what happened to an instruction; writing it down is what changes the instruction",
)

payout_refusal = Table(
    "payout_refusal",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("instruction", BigInteger, ForeignKey("payout_instruction.id"), index=True),
    Column("about", Text, nullable=False, comment="the reference, number or file that was named"),
    Column("word", Text, nullable=False, comment="what was said: paid, failed, ..., or answer"),
    Column("code", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("file", Text, comment="the name of the bank's file, which was set aside"),
    Column("actor", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
    comment="what was said about payments and not booked: a person looks at it",
)

clawback = Table(
    "clawback_claim",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("settlement", Text, nullable=False),
    Column("uscc", Text, nullable=False),
    Column("city", Text),
    Column("amount_fen", BigInteger, nullable=False),
    Column("recovered_fen", BigInteger, nullable=False),
    Column("status", Text, CheckConstraint(one_of("status", CLAWBACK_STATUSES), name="status_known"),
           nullable=False),
    Column("created_at", MOMENT, nullable=False),
    UniqueConstraint("settlement", "uscc"),
    ForeignKeyConstraint(["settlement", "uscc"], ["settlement_line.settlement", "settlement_line.uscc"]),
    CheckConstraint("amount_fen > 0 and recovered_fen between 0 and amount_fen", name="amounts"),
    comment="what an adjustment asks back from who was paid too much",
)  # fmt: skip

clawback_event = Table(
    "claim_event",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("claim", BigInteger, ForeignKey("clawback_claim.id"), nullable=False, index=True),
    Column("event", Text, CheckConstraint(one_of("event", CLAWBACK_EVENTS), name="event_known"),
           nullable=False),
    Column("kind", Text, CheckConstraint(one_of("kind", CLAWBACK_KINDS), name="kind_known"), nullable=False),
    Column("amount_fen", BigInteger, CheckConstraint("amount_fen > 0", name="amount_positive"), nullable=False),
    Column("instruction", BigInteger, ForeignKey("payout_instruction.id")),
    Column("proposal", BigInteger, ForeignKey("claim_event.id"), unique=True),
    Column("actor", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("transaction", BigInteger, nullable=False),
    Column("note", Text),
    CheckConstraint("(event = 'propose') = (proposal is null)", name="proposal_named"),
    comment="how a claim is to be settled, and who else agreed",
)  # fmt: skip

finding = Table(
    "finding",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("settlement", Text, ForeignKey("settlement.id"), nullable=False),
    Column("kind", Text, CheckConstraint(one_of("kind", FINDING_KINDS),
                                         name="kind_known"), nullable=False),
    Column("facility", Text),
    Column("chip", Text),
    Column("consumer", Text),
    Column("parties", ARRAY(Text), nullable=False),
    Column("started_at", MOMENT),
    Column("ended_at", MOMENT),
    Column("found", BigInteger, nullable=False),
    Column("expected", BigInteger, nullable=False),
    Column("records", JSONB, nullable=False, comment="where the proof stands in the journal: batch and ordinal"),
    Column("digest", LargeBinary, nullable=False),
    Column("found_at", MOMENT, nullable=False),
    UniqueConstraint("settlement", "digest"),
    comment="what a sweep of a settlement's records found for its reviewers",
)  # fmt: skip
