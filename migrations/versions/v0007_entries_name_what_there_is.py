"""Entries name what there is: a row of usage cannot carry the number of a consumer, facility or chip that nobody has.

Foreign keys would cost ten times what the rows cost, so each COPY is looked at once, as a whole: numbers are given out
one after the other, and none may be beyond the last. What is taken back, which is little, has foreign keys.
"""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements beside this file."""
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split("\n--;\n"):
        op.get_bind().exec_driver_sql(statement)
