"""Every row that decides about money is in the audit log as it was written, and lines and checkpoints have trees.

Until now the log told of a decision what a person reads; whoever owns the database could change the rest of the row, a
session, a key or a claim, and nothing told. What stood before is kept as it was found, in a table that every checkpoint
names.
"""

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements beside this file."""
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split("\n--;\n"):
        op.get_bind().exec_driver_sql(statement)
