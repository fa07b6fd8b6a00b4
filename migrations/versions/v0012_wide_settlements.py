"""The database knows what it is asked of settlements of many lines: policies are weighed, accounts found all at once.

A policy that compares a setting looked to the planner as if it let one row in a hundred through, so that every page of
lines sorted all of them. The accounts of a settlement's lines were looked up one by one.
"""

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements beside this file."""
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split("\n--;\n"):
        op.get_bind().exec_driver_sql(statement)
