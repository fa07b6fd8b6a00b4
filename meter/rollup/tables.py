"""The rollup's tables: a cache of sums over the journal, kept in blocks of consecutive batches."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    SmallInteger,
    Table,
)

from meter.database.metadata import METADATA

rollup_block = Table(
    "rollup_block",
    METADATA,
    Column("first_batch", BigInteger, primary_key=True, autoincrement=False),
    Column("last_batch", BigInteger, nullable=False, unique=True),
    CheckConstraint("first_batch <= last_batch", name="ordered"),
    comment="which batches are added up; blocks follow one another without gaps",
)

rollup = Table(
    "rollup",
    METADATA,
    # written with its block in one transaction; a foreign key would ask about the same block once a row
    Column("last_batch", BigInteger, nullable=False),
    Column("day", Integer, nullable=False),
    Column("consumer", Integer, nullable=False),
    Column("facility", Integer, nullable=False),
    Column("chip", Integer, nullable=False),
    Column("purpose", SmallInteger, nullable=False),
    Column("via_platform", Boolean, nullable=False),
    Column("millicard_seconds", BigInteger, nullable=False),
    Column("charge_fen", BigInteger, nullable=False),
    Column("pieces", BigInteger, nullable=False),
    Column("starts", BigInteger, nullable=False),
    Index("rollup_block_idx", "last_batch", postgresql_using="brin"),
    Index("rollup_consumer_idx", "consumer"),
    comment="one block's sums; days since 1970-01-01, Asia/Shanghai",
)
