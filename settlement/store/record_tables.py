"""The tables of what is on record and of the tree that checkpoints sign."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

from meter.database.metadata import METADATA

adopted = Table(
    "adopted",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("place", Text, nullable=False),
    Column("seq", BigInteger, nullable=False, comment="the last row of the audit log at that moment"),
    Column("said", JSONB, nullable=False),
    comment="rows that were written before they went on record, as a migration found them; "
    "every checkpoint names their digest",
)

settlement_line_group = Table(
    "settlement_line_group",
    METADATA,
    Column("settlement", Text, ForeignKey("settlement.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("first", Text, nullable=False),
    Column("root", LargeBinary, nullable=False),
    PrimaryKeyConstraint("settlement", "number"),
    comment="subtrees of a settlement's lines, at most 4096 of one size, by which a line that differs is found",
)

tree_tile = Table(
    "tree_tile",
    METADATA,
    Column("number", BigInteger, nullable=False),
    Column("width", Integer, nullable=False),
    Column("hashes", LargeBinary, nullable=False),
    Column("root", LargeBinary, nullable=False),
    PrimaryKeyConstraint("number", "width"),
    CheckConstraint(
        "number >= 0 and width between 1 and 256 and length(hashes) = 32 * width and length(root) = 32", name="sizes"
    ),
    comment="the hashes of 256 leaves of the tree that checkpoints sign, fewer where a checkpoint ended, "
    "and the root over them",
)

tree_leaf = Table(
    "tree_leaf",
    METADATA,
    Column("batch", BigInteger, ForeignKey("batch.batch"), primary_key=True, autoincrement=False),
    Column("leaf", Text, nullable=False),
    comment="what the leaf of a batch is made over: its digest, and digests of the rows beside it by which a "
    "difference is located",
)
