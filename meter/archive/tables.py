"""The archive's table: the manifest once more, where a folder that was exchanged or cut short is found out."""

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Integer, Table, Text

from meter.database.metadata import METADATA

archive_sealing = Table(
    "archive_sealing",
    METADATA,
    Column("serial", Integer, primary_key=True, autoincrement=False),
    Column("first_batch", BigInteger, nullable=False, unique=True),
    Column("last_batch", BigInteger, nullable=False),
    Column("line", Text, nullable=False, comment="the line of the manifest, letter by letter"),
    Column("digest", Text, nullable=False, unique=True),
    Column("sealed_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("serial >= 1 and first_batch <= last_batch", name="numbered"),
    comment="batches sealed to files, one sealing after the other",
)
