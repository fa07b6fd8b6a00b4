"""The tables of payout runs, of files of payments and of the bank's statements."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from meter.database.metadata import METADATA
from meter.vocabulary import one_of
from settlement.vocabulary import NOTE_KINDS, PAYOUT_LEASES, RUN_EVENTS

MOMENT = DateTime(timezone=True)

payout_rule = Table(
    "payout_rule",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("leases", Text, CheckConstraint(one_of("leases", PAYOUT_LEASES), name="leases_known"), nullable=False,
           comment="own: only what our own job leases has to be released; all: whatever is leased"),
    Column("run_limit_fen", BigInteger),
    Column("payee_limit_fen", BigInteger),
    Column("confirms", BigInteger, ForeignKey("payout_rule.id"), unique=True),
    Column("actor", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("note", Text),
    CheckConstraint("run_limit_fen > 0 and payee_limit_fen > 0", name="limits"),
    comment="what payout runs may come to and whose leases need one; "
    "a rule is in force when another hand has confirmed it",
)  # fmt: skip

payout_run = Table(
    "payout_run",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("settlement", Text, ForeignKey("settlement.id"), nullable=False, index=True),
    Column("wanted", ARRAY(BigInteger),
           comment="the instructions that were asked for; none named: all that were ready"),
    Column("instructions", Integer, nullable=False),
    Column("sum_fen", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("note", Text),
    comment="what is to be paid in one go; nothing of it goes out before another hand released it",
)  # fmt: skip

payout_run_item = Table(
    "payout_run_item",
    METADATA,
    Column("run", BigInteger, ForeignKey("payout_run.id"), nullable=False),
    Column("instruction", BigInteger, ForeignKey("payout_instruction.id"), nullable=False, index=True),
    Column("uscc", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("account_sha256", Text, nullable=False),
    PrimaryKeyConstraint("run", "instruction"),
    comment="an instruction in a run, as it was when the run was proposed",
)

payout_run_event = Table(
    "payout_run_event",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("run", BigInteger, ForeignKey("payout_run.id"), nullable=False, index=True),
    Column("event", Text, CheckConstraint(one_of("event", RUN_EVENTS), name="event_known"), nullable=False),
    Column("digest", Text),
    Column("actor", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("note", Text),
    comment="what became of a run: released, rejected, stopped, released again",
)

payout_file = Table(
    "payout_file",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("sha256", Text, nullable=False),
    Column("encoding", Text, nullable=False),
    Column("instructions", Integer, nullable=False),
    Column("sum_fen", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
    comment="a file of payments, written down before it goes to the bank; what it holds was handed over under its name",
)

bank_statement = Table(
    "bank_statement",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("sha256", Text, nullable=False, unique=True),
    Column("mapping", Text, nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("paid_fen", BigInteger, nullable=False),
    Column("received_fen", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
    CheckConstraint("first_day <= last_day", name="days"),
    comment="a statement of the bank, imported once; what it says is held against what was booked",
)

bank_statement_line = Table(
    "bank_statement_line",
    METADATA,
    Column("statement", BigInteger, ForeignKey("bank_statement.id"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("booked_on", Date, nullable=False),
    Column("moved_fen", BigInteger, nullable=False, comment="paid out above 0, received below"),
    Column("bank_reference", Text, nullable=False, index=True),
    Column("reference", Text, nullable=False, comment="ours, where the line names one"),
    Column("counterparty", Text, nullable=False),
    Column("account_masked", Text, nullable=False),
    Column("said", Text, nullable=False),
    PrimaryKeyConstraint("statement", "ordinal"),
    CheckConstraint("moved_fen <> 0", name="moved"),
    comment="a movement as the bank states it",
)

bank_statement_note = Table(
    "bank_statement_note",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("statement", BigInteger, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("kind", Text, CheckConstraint(one_of("kind", NOTE_KINDS), name="kind_known"), nullable=False),
    Column("claim", BigInteger, ForeignKey("clawback_claim.id")),
    Column("note", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
    ForeignKeyConstraint(["statement", "ordinal"], ["bank_statement_line.statement", "bank_statement_line.ordinal"]),
    CheckConstraint("(kind = 'repaid') = (claim is not null)", name="claim_named"),
    Index("bank_statement_note_statement_idx", "statement", "ordinal"),
    comment="what a person says a line is; of several the last counts",
)
