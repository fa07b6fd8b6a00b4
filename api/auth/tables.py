"""Who may come in: API keys for machines (only hashes are stored) and people with a password."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from api.auth.roles import ROLES
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
    Column("city", Text, CheckConstraint("city ~ '^[0-9]{4}00$'", name="city_code")),
    Column("created_at", MOMENT, nullable=False),
    Column("expires_at", MOMENT),
    Column("signed", Boolean, nullable=False, comment="whether every request with it must be signed"),
    Column(
        "check_digest",
        LargeBinary,
        Computed("sha256(secret_digest)", persisted=True),
        nullable=False,
        comment="the SHA-256 of secret_digest: it recognises a key and opens nothing",
    ),
    CheckConstraint("cardinality(scopes) > 0", name="scopes_given"),
    comment="a machine's key; the secret itself is shown once and never stored",
)

api_key_revocation = Table(
    "api_key_revocation",
    METADATA,
    Column("api_key", BigInteger, ForeignKey("api_key.id"), primary_key=True, autoincrement=False),
    Column("revoked_at", MOMENT, nullable=False),
)

request_nonce = Table(
    "request_nonce",
    METADATA,
    Column("api_key", BigInteger, ForeignKey("api_key.id"), primary_key=True, autoincrement=False),
    Column("nonce", Text, primary_key=True),
    Column("at", MOMENT, nullable=False, index=True),
    comment="nonces of signed requests, kept for as long as their time would be accepted",
)


person = Table(
    "person",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column(
        "role",
        Text,
        CheckConstraint(f"role in ({', '.join(repr(role) for role in ROLES)})", name="role_known"),
        nullable=False,
    ),
    Column("city", Text, CheckConstraint("city ~ '^[0-9]{4}00$'", name="city_code")),
    Column("uscc", Text, comment="the entity for which a person of the role entity acts"),
    Column("password_hash", Text, nullable=False),
    Column("totp_secret", Text, comment="sealed; there when the person has a second factor"),
    Column("created_at", MOMENT, nullable=False),
    CheckConstraint(
        "(role = 'entity') = (uscc is not null) and (uscc is null or length(uscc) = 18 and city is null)",
        name="entity_bound",
    ),
)

PERSON_EVENTS = ("login", "second_factor", "reauthenticate", "logout", "disable", "enable", "unlock", "password")

person_event = Table(
    "person_event",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False, comment="as typed: also names that nobody has"),
    Column(
        "event",
        Text,
        CheckConstraint(f"event in ({', '.join(repr(event) for event in PERSON_EVENTS)})", name="event_known"),
        nullable=False,
    ),
    Column("result", Text, CheckConstraint("result in ('done', 'refused')", name="result_known"), nullable=False),
    Column("actor", Text),
    Column("at", MOMENT, nullable=False),
    Column("detail", JSONB, nullable=False),
    Index("person_event_name_idx", "name", "id"),
    comment="logins and refusals, from which lockout follows",
)

login = Table(
    "login",
    METADATA,
    Column("token_digest", LargeBinary, primary_key=True),
    Column("person", BigInteger, ForeignKey("person.id"), nullable=False, index=True),
    Column("created_at", MOMENT, nullable=False),
    Column("expires_at", MOMENT, nullable=False),
    Column("seen_at", MOMENT, nullable=False),
    Column("proven_at", MOMENT, nullable=False, comment="when password and second factor were last shown"),
    Column("totp_step", BigInteger, comment="the last code used, which is not taken again"),
    comment="an open session; the cookie's token is stored as a digest only",
)

logout = Table(
    "logout",
    METADATA,
    Column("token_digest", LargeBinary, ForeignKey("login.token_digest"), primary_key=True),
    Column("at", MOMENT, nullable=False),
)
