"""The first shape: journal, registry, rollup, settlements, payouts, keys and people."""

# ruff: noqa: E501 - generated from the tables

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


# long: one table after the other
def _create_tables() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False, comment="JSON, in the spelling that the digest covers"),
        sa.Column(
            "digest",
            sa.Text(),
            nullable=False,
            comment="algorithm:hex over the digest before and this row; see verify.py",
        ),
        sa.CheckConstraint("seq >= 1", name="audit_numbered_check"),
        sa.PrimaryKeyConstraint("seq", name="audit_pkey"),
        comment="who did what, when, with what result; written by audit_append only, under one lock",
    )
    op.create_table(
        "chip",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="chip_pkey"),
        sa.UniqueConstraint("code", name="chip_code_key"),
        comment="a number for every accelerator model",
    )
    op.create_table(
        "entry",
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Integer(), nullable=False),
        sa.Column("consumer", sa.Integer(), nullable=False),
        sa.Column("facility", sa.Integer(), nullable=False),
        sa.Column("chip", sa.Integer(), nullable=False),
        sa.Column("millicards", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("charge_fen", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.SmallInteger(), nullable=False),
        sa.Column("via_platform", sa.Boolean(), nullable=False),
        sa.Column("action", sa.SmallInteger(), nullable=False),
        sa.Column("corrects", sa.Uuid(), nullable=False),
        sa.Column("order_digest", sa.BigInteger(), nullable=False),
        sa.Column("evidence_digest", sa.BigInteger(), nullable=False),
        comment="one accepted usage record, fixed width; see meter/journal/row.py",
    )
    op.create_index(
        "entry_batch_started_at_idx",
        "entry",
        ["batch", "started_at"],
        unique=False,
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 128},
    )
    op.create_table(
        "facility",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="facility_pkey"),
        sa.UniqueConstraint("code", name="facility_code_key"),
        comment="a number for every facility",
    )
    op.create_table(
        "party",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("uscc", sa.Text(), nullable=False),
        sa.CheckConstraint("length(uscc) = 18", name="party_uscc_length_check"),
        sa.PrimaryKeyConstraint("id", name="party_pkey"),
        sa.UniqueConstraint("uscc", name="party_uscc_key"),
        comment="a number for every legal entity whose code was ever seen, registered or not",
    )
    op.create_table(
        "payout_transition",
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("before", "after", name="payout_transition_pkey"),
        comment="the changes of a payout instruction's state that are allowed; the database refuses every other",
    )
    op.create_table(
        "person",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("totp_secret", sa.Text(), nullable=True, comment="sealed; there when the person has a second factor"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("city ~ '^[0-9]{4}00$'", name="person_city_code_check"),
        sa.CheckConstraint(
            "role in ('finance', 'reviewer', 'approver', 'payer', 'auditor', 'operator', 'admin')",
            name="person_role_known_check",
        ),
        sa.PrimaryKeyConstraint("id", name="person_pkey"),
        sa.UniqueConstraint("name", name="person_name_key"),
    )
    op.create_table(
        "person_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="as typed: also names that nobody has"),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "event in ('login', 'second_factor', 'reauthenticate', 'logout', 'disable', 'enable', 'unlock')",
            name="person_event_event_known_check",
        ),
        sa.CheckConstraint("result in ('done', 'refused')", name="person_event_result_known_check"),
        sa.PrimaryKeyConstraint("id", name="person_event_pkey"),
        comment="logins and refusals, from which lockout follows",
    )
    op.create_index("person_event_name_idx", "person_event", ["name", "id"], unique=False)
    op.create_table(
        "reversal",
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("consumer", sa.Integer(), nullable=False),
        sa.Column("facility", sa.Integer(), nullable=False),
        sa.Column("chip", sa.Integer(), nullable=False),
        sa.Column("millicards", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("charge_fen", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.SmallInteger(), nullable=False),
        sa.Column("via_platform", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="reversal_pkey"),
        comment="what a correction takes back: the measured columns of the record that no longer counts; once, ever",
    )
    op.create_index("reversal_batch_idx", "reversal", ["batch"], unique=False)
    op.create_table(
        "rollup",
        sa.Column("last_batch", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("consumer", sa.Integer(), nullable=False),
        sa.Column("facility", sa.Integer(), nullable=False),
        sa.Column("chip", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.SmallInteger(), nullable=False),
        sa.Column("via_platform", sa.Boolean(), nullable=False),
        sa.Column("millicard_seconds", sa.BigInteger(), nullable=False),
        sa.Column("charge_fen", sa.BigInteger(), nullable=False),
        sa.Column("pieces", sa.BigInteger(), nullable=False),
        sa.Column("starts", sa.BigInteger(), nullable=False),
        comment="one block's sums; days since 1970-01-01, Asia/Shanghai; columns as in meter/rollup/frames.py",
    )
    op.create_index("rollup_block_idx", "rollup", ["last_batch"], unique=False, postgresql_using="brin")
    op.create_table(
        "rollup_block",
        sa.Column("first_batch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last_batch", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("first_batch <= last_batch", name="rollup_block_ordered_check"),
        sa.PrimaryKeyConstraint("first_batch", name="rollup_block_pkey"),
        sa.UniqueConstraint("last_batch", name="rollup_block_last_batch_key"),
        comment="which batches are added up; blocks follow one another without gaps",
    )
    op.create_table(
        "settlement",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("round", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("payment_order", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("readings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "matches",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="compute-centre matches as they were asked for",
        ),
        sa.Column(
            "applications",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="applications as they were asked for (drafts)",
        ),
        sa.Column(
            "match_lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="what the matches come to"
        ),
        sa.Column("totals", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("receipt", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column(
            "fingerprint", sa.LargeBinary(), nullable=False, comment="stands for everything the result follows from"
        ),
        sa.Column("adjusts", sa.Text(), nullable=True),
        sa.Column("run_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status in ('computed', 'submitted', 'returned', 'reviewed', 'approved', 'published', 'locked', 'paid', 'cancelled')",
            name="settlement_status_known_check",
        ),
        sa.ForeignKeyConstraint(["adjusts"], ["settlement.id"], name="settlement_adjusts_fkey"),
        sa.PrimaryKeyConstraint("id", name="settlement_pkey"),
    )
    op.create_index(
        "settlement_fingerprint_idx",
        "settlement",
        ["fingerprint"],
        unique=True,
        postgresql_where=sa.text("status <> 'cancelled'"),
    )
    op.create_index(
        "settlement_first_locked_idx",
        "settlement",
        ["round"],
        unique=True,
        postgresql_where=sa.text("adjusts is null and status in ('locked', 'paid')"),
    )
    op.create_index(
        "settlement_next_locked_idx",
        "settlement",
        ["adjusts"],
        unique=True,
        postgresql_where=sa.text("status in ('locked', 'paid')"),
    )
    op.create_index("settlement_round_idx", "settlement", ["round"], unique=False)
    op.create_table(
        "settlement_transition",
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event", "before", "after", name="settlement_transition_pkey"),
        comment="the changes of state that are allowed; the database refuses every other",
    )
    op.create_table(
        "archive_sealing",
        sa.Column("serial", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_batch", sa.BigInteger(), nullable=False),
        sa.Column("last_batch", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False, comment="the line of the manifest, letter by letter"),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("serial >= 1 and first_batch <= last_batch", name="archive_sealing_numbered_check"),
        sa.PrimaryKeyConstraint("serial", name="archive_sealing_pkey"),
        sa.UniqueConstraint("first_batch", name="archive_sealing_first_batch_key"),
        sa.UniqueConstraint("digest", name="archive_sealing_digest_key"),
        comment="batches sealed to files, one sealing after the other; see meter/archive/manifest.py",
    )
    op.create_table(
        "source",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="source_pkey"),
        sa.UniqueConstraint("name", name="source_name_key"),
        comment="who sends usage records; named by an API key",
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("secret_digest", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("source", sa.Integer(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "signed",
            sa.Boolean(),
            nullable=False,
            comment="whether every request with it must be signed: api/signing.py",
        ),
        sa.CheckConstraint("city ~ '^[0-9]{4}00$'", name="api_key_city_code_check"),
        sa.CheckConstraint("cardinality(scopes) > 0", name="api_key_scopes_given_check"),
        sa.ForeignKeyConstraint(["source"], ["source.id"], name="api_key_source_fkey"),
        sa.PrimaryKeyConstraint("id", name="api_key_pkey"),
        sa.UniqueConstraint("prefix", name="api_key_prefix_key"),
        comment="a machine's key; the secret itself is shown once and never stored",
    )
    op.create_table(
        "batch",
        sa.Column("batch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source", sa.Integer(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("duplicate", sa.Integer(), nullable=False),
        sa.Column("conflict", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("registry_batch", sa.BigInteger(), nullable=False),
        sa.Column("key_name", sa.Text(), nullable=False),
        sa.Column("contents", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "kind in ('usage', 'replay', 'entities', 'facilities', 'chips', 'holdings', 'expenditures', 'control_totals')",
            name="batch_kind_known_check",
        ),
        sa.CheckConstraint("batch >= 1 and registry_batch <= batch", name="batch_numbered_check"),
        sa.CheckConstraint("received = accepted + duplicate + conflict + refused", name="batch_nothing_dropped_check"),
        sa.ForeignKeyConstraint(["source"], ["source.id"], name="batch_source_fkey"),
        sa.PrimaryKeyConstraint("batch", name="batch_pkey"),
        comment="one delivery and its receipt; numbered in commit order; `contents` are the digests that `digest` covers",
    )
    op.create_table(
        "login",
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "proven_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when password and second factor were last shown",
        ),
        sa.Column("totp_step", sa.BigInteger(), nullable=True, comment="the last code used, which is not taken again"),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name="login_person_fkey"),
        sa.PrimaryKeyConstraint("token_digest", name="login_pkey"),
        comment="an open session; the cookie's token is stored as a digest only",
    )
    op.create_index("login_person_idx", "login", ["person"], unique=False)
    op.create_table(
        "settlement_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("settlement", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("transaction", sa.BigInteger(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "event in ('run', 'submit', 'review', 'approve', 'publish', 'objection', 'ruling', 'lock', 'cancel', 'paid', 'reopen')",
            name="settlement_event_event_known_check",
        ),
        sa.ForeignKeyConstraint(["settlement"], ["settlement.id"], name="settlement_event_settlement_fkey"),
        sa.PrimaryKeyConstraint("id", name="settlement_event_pkey"),
        comment="a decision; writing it down is what changes the state, and who may not decide is refused here",
    )
    op.create_index(
        "settlement_event_run_idx",
        "settlement_event",
        ["settlement"],
        unique=True,
        postgresql_where=sa.text("event = 'run'"),
    )
    op.create_index("settlement_event_settlement_idx", "settlement_event", ["settlement"], unique=False)
    op.create_table(
        "settlement_line",
        sa.Column("settlement", sa.Text(), nullable=False),
        sa.Column("uscc", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("award_fen", sa.BigInteger(), nullable=False),
        sa.Column("held_fen", sa.BigInteger(), nullable=False),
        sa.Column("payable_fen", sa.BigInteger(), nullable=False),
        sa.Column("adjustment_fen", sa.BigInteger(), nullable=True),
        sa.Column("line", sa.JSON(), nullable=False, comment="the line as the contract shapes it"),
        sa.Column("working", sa.JSON(), nullable=False, comment="the steps and the excluded use of the line"),
        sa.CheckConstraint("outcome in ('payable', 'held', 'nothing')", name="settlement_line_outcome_known_check"),
        sa.CheckConstraint(
            "award_fen >= 0 and held_fen >= 0 and payable_fen between 0 and award_fen",
            name="settlement_line_amounts_check",
        ),
        sa.ForeignKeyConstraint(["settlement"], ["settlement.id"], name="settlement_line_settlement_fkey"),
        sa.PrimaryKeyConstraint("settlement", "uscc", name="settlement_line_pkey"),
    )
    op.create_table(
        "api_key_revocation",
        sa.Column("api_key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["api_key"], ["api_key.id"], name="api_key_revocation_api_key_fkey"),
        sa.PrimaryKeyConstraint("api_key", name="api_key_revocation_pkey"),
    )
    op.create_table(
        "batch_body",
        sa.Column("batch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("codec", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("codec in ('zstd', 'plain')", name="batch_body_codec_known_check"),
        sa.ForeignKeyConstraint(["batch"], ["batch.batch"], name="batch_body_batch_fkey"),
        sa.PrimaryKeyConstraint("batch", name="batch_body_pkey"),
        comment="the decoded body as received, so that nothing a source said is lost",
    )
    op.create_table(
        "chip_fact",
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("chip", sa.Integer(), nullable=False),
        sa.Column("tflops_fp16", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.CheckConstraint("tflops_fp16 > 0", name="chip_fact_rating_positive_check"),
        sa.CheckConstraint(
            "valid_from is null or valid_to is null or valid_from < valid_to", name="chip_fact_period_check"
        ),
        sa.ForeignKeyConstraint(["batch"], ["batch.batch"], name="chip_fact_batch_fkey"),
        sa.ForeignKeyConstraint(["chip"], ["chip.id"], name="chip_fact_chip_fkey"),
        sa.PrimaryKeyConstraint("batch", "ordinal", name="chip_fact_pkey"),
    )
    op.create_index("chip_fact_chip_idx", "chip_fact", ["chip"], unique=False)
    op.create_table(
        "clawback_claim",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("settlement", sa.Text(), nullable=False),
        sa.Column("uscc", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("recovered_fen", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status in ('open', 'settled', 'waived')", name="clawback_claim_status_known_check"),
        sa.CheckConstraint(
            "amount_fen > 0 and recovered_fen between 0 and amount_fen", name="clawback_claim_amounts_check"
        ),
        sa.ForeignKeyConstraint(
            ["settlement", "uscc"],
            ["settlement_line.settlement", "settlement_line.uscc"],
            name="clawback_claim_settlement_uscc_fkey",
        ),
        sa.PrimaryKeyConstraint("id", name="clawback_claim_pkey"),
        sa.UniqueConstraint("settlement", "uscc", name="clawback_claim_settlement_uscc_key"),
        comment="what an adjustment asks back from who was paid too much",
    )
    op.create_table(
        "control_total",
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("source", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("charge_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("charge_fen >= 0", name="control_total_charge_range_check"),
        sa.CheckConstraint("records >= 0", name="control_total_records_range_check"),
        sa.ForeignKeyConstraint(["batch"], ["batch.batch"], name="control_total_batch_fkey"),
        sa.ForeignKeyConstraint(["source"], ["source.id"], name="control_total_source_fkey"),
        sa.PrimaryKeyConstraint("batch", "ordinal", name="control_total_pkey"),
        comment="what a source says it sent for a local day; the latest statement counts",
    )
    op.create_table(
        "entity_fact",
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("party", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("independent_legal_person", sa.Boolean(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("ai_enterprise", sa.Boolean(), nullable=True),
        sa.Column("state_body", sa.Boolean(), nullable=False),
        sa.Column("bank_account", sa.Text(), nullable=True, comment="sealed: meter/database/seal.py"),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "valid_from is null or valid_to is null or valid_from < valid_to", name="entity_fact_period_check"
        ),
        sa.ForeignKeyConstraint(["batch"], ["batch.batch"], name="entity_fact_batch_fkey"),
        sa.ForeignKeyConstraint(["party"], ["party.id"], name="entity_fact_party_fkey"),
        sa.PrimaryKeyConstraint("batch", "ordinal", name="entity_fact_pkey"),
    )
    op.create_index("entity_fact_party_idx", "entity_fact", ["party"], unique=False)
    op.create_table(
        "expenditure_fact",
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("consumer", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("served_from", sa.Date(), nullable=False),
        sa.Column("served_to", sa.Date(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind in ('contract', 'invoice', 'payment', 'public_support')", name="expenditure_fact_kind_known_check"
        ),
        sa.CheckConstraint("served_from <= served_to", name="expenditure_fact_period_check"),
        sa.ForeignKeyConstraint(["batch"], ["batch.batch"], name="expenditure_fact_batch_fkey"),
        sa.ForeignKeyConstraint(["consumer"], ["party.id"], name="expenditure_fact_consumer_fkey"),
        sa.PrimaryKeyConstraint("batch", "ordinal", name="expenditure_fact_pkey"),
        sa.UniqueConstraint("id", name="expenditure_fact_id_key"),
    )
    op.create_index("expenditure_fact_consumer_idx", "expenditure_fact", ["consumer"], unique=False)
    op.create_table(
        "facility_fact",
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("facility", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("intelligent", sa.Boolean(), nullable=False),
        sa.Column("operator", sa.Integer(), nullable=True),
        sa.Column("capacity", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "valid_from is null or valid_to is null or valid_from < valid_to", name="facility_fact_period_check"
        ),
        sa.ForeignKeyConstraint(["batch"], ["batch.batch"], name="facility_fact_batch_fkey"),
        sa.ForeignKeyConstraint(["facility"], ["facility.id"], name="facility_fact_facility_fkey"),
        sa.ForeignKeyConstraint(["operator"], ["party.id"], name="facility_fact_operator_fkey"),
        sa.PrimaryKeyConstraint("batch", "ordinal", name="facility_fact_pkey"),
    )
    op.create_index("facility_fact_facility_idx", "facility_fact", ["facility"], unique=False)
    op.create_table(
        "facility_owner",
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("party", sa.Integer(), nullable=False),
        sa.Column("share", sa.Numeric(precision=10, scale=9), nullable=False),
        sa.CheckConstraint("share > 0 and share <= 1", name="facility_owner_share_range_check"),
        sa.ForeignKeyConstraint(["batch"], ["batch.batch"], name="facility_owner_batch_fkey"),
        sa.ForeignKeyConstraint(["party"], ["party.id"], name="facility_owner_party_fkey"),
        sa.PrimaryKeyConstraint("batch", "ordinal", "party", name="facility_owner_pkey"),
        comment="the investors of the facility fact with the same batch and ordinal",
    )
    op.create_index("facility_owner_party_idx", "facility_owner", ["party"], unique=False)
    op.create_table(
        "holding_fact",
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("holder", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("share", sa.Numeric(precision=10, scale=9), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.CheckConstraint("holder <> held", name="holding_fact_not_itself_check"),
        sa.CheckConstraint("share >= 0 and share <= 1", name="holding_fact_share_range_check"),
        sa.CheckConstraint(
            "valid_from is null or valid_to is null or valid_from < valid_to", name="holding_fact_period_check"
        ),
        sa.ForeignKeyConstraint(["batch"], ["batch.batch"], name="holding_fact_batch_fkey"),
        sa.ForeignKeyConstraint(["held"], ["party.id"], name="holding_fact_held_fkey"),
        sa.ForeignKeyConstraint(["holder"], ["party.id"], name="holding_fact_holder_fkey"),
        sa.PrimaryKeyConstraint("batch", "ordinal", name="holding_fact_pkey"),
    )
    op.create_index("holding_fact_held_idx", "holding_fact", ["held"], unique=False)
    op.create_table(
        "logout",
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["token_digest"], ["login.token_digest"], name="logout_token_digest_fkey"),
        sa.PrimaryKeyConstraint("token_digest", name="logout_pkey"),
    )
    op.create_table(
        "payout_instruction",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("settlement", sa.Text(), nullable=False),
        sa.Column("uscc", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("offset_fen", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "first_sent_at", sa.DateTime(timezone=True), nullable=True, comment="since when the bank may have it"
        ),
        sa.Column("bank_reference", sa.Text(), nullable=True),
        sa.Column(
            "account", sa.Text(), nullable=True, comment="the sealed account it is paid to, fixed when it was issued"
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "amount_fen >= 0 and offset_fen >= 0 and (amount_fen = 0) = (status = 'offset')",
            name="payout_instruction_amounts_check",
        ),
        sa.CheckConstraint(
            "status in ('ready', 'leased', 'submitted', 'unknown', 'paid', 'failed', 'returned', 'disputed', 'offset')",
            name="payout_instruction_status_known_check",
        ),
        sa.ForeignKeyConstraint(
            ["settlement", "uscc"],
            ["settlement_line.settlement", "settlement_line.uscc"],
            name="payout_instruction_settlement_uscc_fkey",
        ),
        sa.PrimaryKeyConstraint("id", name="payout_instruction_pkey"),
        sa.UniqueConstraint("reference", name="payout_instruction_reference_key"),
        sa.UniqueConstraint("settlement", "uscc", name="payout_instruction_settlement_uscc_key"),
        comment="one instruction a line, for ever; the fence rises with every lease and refuses whoever held an older one",
    )
    op.create_index("payout_instruction_status_idx", "payout_instruction", ["status", "id"], unique=False)
    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("source", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("against", sa.Uuid(), nullable=True),
        sa.Column("against_batch", sa.BigInteger(), nullable=True),
        sa.Column("consumer", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'conflict') = (against is not null and against_batch is not null)",
            name="quarantine_conflict_names_first_check",
        ),
        sa.CheckConstraint("status in ('conflict', 'refused')", name="quarantine_status_known_check"),
        sa.ForeignKeyConstraint(["batch"], ["batch.batch"], name="quarantine_batch_fkey"),
        sa.ForeignKeyConstraint(["source"], ["source.id"], name="quarantine_source_fkey"),
        sa.PrimaryKeyConstraint("id", name="quarantine_pkey"),
        sa.UniqueConstraint("digest", name="quarantine_digest_key"),
        comment="records kept verbatim for a person: refused ones, and second versions of an id already recorded",
    )
    op.create_index("quarantine_batch_idx", "quarantine", ["batch"], unique=False)
    op.create_index("quarantine_record_id_idx", "quarantine", ["record_id"], unique=False)
    op.create_table(
        "request_nonce",
        sa.Column("api_key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["api_key"], ["api_key.id"], name="request_nonce_api_key_fkey"),
        sa.PrimaryKeyConstraint("api_key", "nonce", name="request_nonce_pkey"),
        comment="nonces of signed requests, kept for as long as their time would be accepted",
    )
    op.create_index("request_nonce_at_idx", "request_nonce", ["at"], unique=False)
    op.create_table(
        "claim_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("claim", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("instruction", sa.BigInteger(), nullable=True),
        sa.Column("proposal", sa.BigInteger(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("transaction", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint("(event = 'propose') = (proposal is null)", name="claim_event_proposal_named_check"),
        sa.CheckConstraint("event in ('propose', 'approve', 'reject')", name="claim_event_event_known_check"),
        sa.CheckConstraint("kind in ('offset', 'repaid', 'waive')", name="claim_event_kind_known_check"),
        sa.CheckConstraint("amount_fen > 0", name="claim_event_amount_positive_check"),
        sa.ForeignKeyConstraint(["claim"], ["clawback_claim.id"], name="claim_event_claim_fkey"),
        sa.ForeignKeyConstraint(["instruction"], ["payout_instruction.id"], name="claim_event_instruction_fkey"),
        sa.ForeignKeyConstraint(["proposal"], ["claim_event.id"], name="claim_event_proposal_fkey"),
        sa.PrimaryKeyConstraint("id", name="claim_event_pkey"),
        sa.UniqueConstraint("proposal", name="claim_event_proposal_key"),
        comment="how a claim is to be settled, and who else agreed",
    )
    op.create_index("claim_event_claim_idx", "claim_event", ["claim"], unique=False)
    op.create_table(
        "finding",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("settlement", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("facility", sa.Text(), nullable=True),
        sa.Column("chip", sa.Text(), nullable=True),
        sa.Column("consumer", sa.Text(), nullable=True),
        sa.Column("parties", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("found", sa.BigInteger(), nullable=False),
        sa.Column("expected", sa.BigInteger(), nullable=False),
        sa.Column(
            "records",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="where the proof stands in the journal: batch and ordinal",
        ),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind in ('above_capacity', 'metered_twice', 'ring', 'price_stray')", name="finding_kind_known_check"
        ),
        sa.ForeignKeyConstraint(["settlement"], ["settlement.id"], name="finding_settlement_fkey"),
        sa.PrimaryKeyConstraint("id", name="finding_pkey"),
        sa.UniqueConstraint("settlement", "digest", name="finding_settlement_digest_key"),
        comment="what a sweep of a settlement's records found for its reviewers; see settlement/findings.py",
    )
    op.create_table(
        "payout_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("instruction", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("transaction", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("bank_reference", sa.Text(), nullable=True),
        sa.Column(
            "moved_fen", sa.BigInteger(), nullable=False, comment="what the bank says it paid out (+) or got back (-)"
        ),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["instruction"], ["payout_instruction.id"], name="payout_event_instruction_fkey"),
        sa.PrimaryKeyConstraint("id", name="payout_event_pkey"),
        comment="what happened to an instruction; writing it down is what changes the instruction",
    )
    op.create_index("payout_event_instruction_idx", "payout_event", ["instruction"], unique=False)
    op.create_index(
        "payout_event_movement_idx",
        "payout_event",
        ["bank_reference", sa.literal_column("sign(moved_fen)")],
        unique=True,
        postgresql_where=sa.text("moved_fen <> 0 and bank_reference is not null"),
    )
    op.create_table(
        "quarantine_release",
        sa.Column("quarantine", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["batch"], ["batch.batch"], name="quarantine_release_batch_fkey"),
        sa.ForeignKeyConstraint(["quarantine"], ["quarantine.id"], name="quarantine_release_quarantine_fkey"),
        sa.PrimaryKeyConstraint("quarantine", name="quarantine_release_pkey"),
        comment="a refused record that a replay accepted later, and in which batch",
    )


def upgrade() -> None:
    _create_tables()
    _allow_transitions()
    _guard()
    _keep()
    _summarize()
    _grant()
    _limit_to_cities()


# event, states before, state after
TRANSITIONS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("run", ("computed",), "computed"),
    ("submit", ("computed", "returned"), "submitted"),
    ("review", ("submitted",), "submitted"),
    ("review", ("submitted",), "reviewed"),
    ("review", ("submitted", "reviewed"), "returned"),
    ("approve", ("reviewed",), "approved"),
    ("publish", ("approved",), "published"),
    ("objection", ("published",), "published"),
    ("ruling", ("published",), "published"),
    ("lock", ("approved", "published"), "locked"),
    ("cancel", ("computed", "submitted", "returned", "reviewed", "approved", "published"), "cancelled"),
    ("paid", ("locked",), "paid"),
    ("reopen", ("paid",), "locked"),
)

# before -> after; the same state twice is a lease, an offset in part, or the same word of the bank again
PAYOUT_TRANSITIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ready", ("ready", "leased", "offset", "disputed")),
    ("leased", ("leased", "submitted", "unknown", "paid", "failed", "disputed")),
    ("submitted", ("submitted", "unknown", "paid", "failed", "disputed")),
    ("unknown", ("unknown", "submitted", "paid", "failed", "disputed")),
    ("failed", ("failed", "ready", "paid", "disputed", "offset")),
    ("paid", ("returned", "disputed")),
    ("returned", ("returned", "ready", "disputed", "offset")),
    ("disputed", ("disputed", "paid", "failed", "returned")),
)


def _allow_transitions() -> None:
    table = sa.table("settlement_transition", sa.column("event"), sa.column("before"), sa.column("after"))
    op.bulk_insert(
        table,
        [{"event": event, "before": state, "after": after} for event, before, after in TRANSITIONS for state in before],
    )
    payouts = sa.table("payout_transition", sa.column("before"), sa.column("after"))
    op.bulk_insert(
        payouts, [{"before": before, "after": after} for before, states in PAYOUT_TRANSITIONS for after in states]
    )


def _guard() -> None:
    """The triggers that enforce the states, the people behind them and the audit log."""
    for statement in Path(__file__).with_name("v0001_guards.sql").read_text(encoding="utf-8").split("\n--;\n"):
        op.get_bind().exec_driver_sql(statement)


KEPT = (
    "settlement_line",
    "settlement_event",
    "payout_event",
    "claim_event",
    "audit",
    "person_event",
    "archive_sealing",
    "finding",
)


def _keep() -> None:
    """Tables that nobody changes, the owner of the database included (who could take the triggers away)."""
    for table in KEPT:
        op.execute(
            f"create trigger {table}_kept before update or delete on {table} for each row execute function suanbu_kept()"
        )
        op.execute(f"create trigger {table}_kept_whole before truncate on {table} execute function suanbu_kept()")


APPENDED = (
    "source", "party", "facility", "chip", "batch", "batch_body", "entry", "reversal", "quarantine",
    "quarantine_release", "entity_fact", "facility_fact", "facility_owner", "chip_fact", "holding_fact",
    "expenditure_fact", "control_total", "settlement", "settlement_line", "settlement_event", "payout_event",
    "claim_event", "api_key", "api_key_revocation", "request_nonce", "person", "person_event", "login", "logout",
    "archive_sealing", "finding",
)  # fmt: skip
READ = ("settlement_transition", "payout_transition", "payout_instruction", "clawback_claim", "audit",
        "alembic_version")  # fmt: skip
# who may call what: functions that write are the triggers' own, but for the one that appends to the audit log
CALLED = ("audit_append(text, text, text, text, text, text, text)", "summarize_journal()")
OWN = ("settlement_instruct(text, text, timestamp with time zone)",)


def _grant() -> None:
    """The service may read and append; states change by the events it appends, and the rollup is a cache."""
    _role("suanbu_service")
    op.execute(f"grant select, insert on {', '.join(APPENDED)} to suanbu_service")
    op.execute(f"grant select on {', '.join(READ)} to suanbu_service")
    op.execute("grant select, insert, delete on rollup, rollup_block to suanbu_service")
    op.execute("grant delete on request_nonce to suanbu_service")
    op.execute("grant update (seen_at, proven_at, totp_step) on login to suanbu_service")
    for name in (*CALLED, *OWN):
        op.execute(f"revoke execute on function {name} from public")
    for name in CALLED:
        op.execute(f"grant execute on function {name} to suanbu_service")


def _summarize() -> None:
    """Summarizing an index is its owner's right; the service may ask for it. Who is second does not wait.

    The planner has to know that batches and days lie in the heap in their order: until it does, it reads the whole
    journal for a few of them. So both are analyzed whenever the journal has grown by half, not when autovacuum comes by.
    """
    op.execute("""
        create function summarize_journal() returns void language plpgsql security definer set search_path = public as $$
        begin
            if pg_try_advisory_xact_lock(23219) then  -- 0x5AB3
                perform brin_summarize_new_values('entry_batch_started_at_idx');
                if pg_relation_size('entry') > 1000000 + 1.5 * (
                    select relpages * current_setting('block_size')::bigint from pg_class where oid = 'entry'::regclass
                ) then
                    analyze entry (batch, started_at);
                end if;
            end if;
        end $$
    """)
    # ten parts of the journal are known apart, for which a tenth of the pages is read that a hundred would take
    op.execute("alter table entry alter column batch set statistics 10, alter column started_at set statistics 10")
    op.execute("alter table batch_body alter column body set storage external")  # it is compressed already


LIMITED = (
    "settlement", "settlement_line", "settlement_event", "payout_instruction", "payout_event", "clawback_claim",
    "claim_event",
)  # fmt: skip


def _limit_to_cities() -> None:
    """Row security on what belongs to cities, for the owner as well; a role of few rights for who is bound to one."""
    _role("suanbu_city")
    for table in LIMITED:
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
    op.execute("grant usage on schema city to suanbu_city")
    op.execute("grant select on city.settlement, city.settlement_event to suanbu_city")
    op.execute("grant select on settlement_line, payout_instruction, payout_event to suanbu_city")
    op.execute("grant select (id, after, city), insert on settlement_event to suanbu_city")
    op.execute("grant select on alembic_version to suanbu_city")


def _role(name: str) -> None:
    """A role without login that the connecting user may take on; roles belong to the server, not to one database."""
    op.execute(f"""
        do $$ begin
            if not exists (select from pg_roles where rolname = '{name}') then
                create role {name} nologin;
            end if;
        exception when duplicate_object or unique_violation then null;  -- another database of this server was first
        end $$
    """)
    op.execute(f"grant {name} to current_user")
    op.execute(f"grant usage on schema public to {name}")


# long: one migration creates every table
