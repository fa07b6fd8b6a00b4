"""Who may come in: API keys for machines (only hashes are stored) and people with a password."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from meter.database.metadata import METADATA

MOMENT = DateTime(timezone=True)

api_key = Table(
    "api_key",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("prefix", Text, nullable=False, unique=True),
    Column("secret_digest", LargeBinary, nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("source", Integer, ForeignKey("source.id")),
    Column("city", Text),
    Column("created_at", MOMENT, nullable=False),
    Column("expires_at", MOMENT),
    CheckConstraint("cardinality(scopes) > 0", name="scopes_given"),
    comment="a machine's key; the secret itself is shown once and never stored",
)

api_key_revocation = Table(
    "api_key_revocation",
    METADATA,
    Column("api_key", BigInteger, ForeignKey("api_key.id"), primary_key=True, autoincrement=False),
    Column("revoked_at", MOMENT, nullable=False),
)

person = Table(
    "person",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column(
        "role",
        Text,
        CheckConstraint(
            "role in ('finance', 'reviewer', 'approver', 'payer', 'auditor', 'operator', 'admin')", name="role_known"
        ),
        nullable=False,
    ),
    Column("city", Text),
    Column("password_hash", Text, nullable=False),
    Column("created_at", MOMENT, nullable=False),
)

login = Table(
    "login",
    METADATA,
    Column("token_digest", LargeBinary, primary_key=True),
    Column("person", BigInteger, ForeignKey("person.id"), nullable=False, index=True),
    Column("created_at", MOMENT, nullable=False),
    Column("expires_at", MOMENT, nullable=False),
    comment="an open session of the console; the cookie's token is stored as a digest only",
)

logout = Table(
    "logout",
    METADATA,
    Column("token_digest", LargeBinary, ForeignKey("login.token_digest"), primary_key=True),
    Column("at", MOMENT, nullable=False),
)
