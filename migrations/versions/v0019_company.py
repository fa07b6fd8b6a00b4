"""The company's own view: people bound to one entity, what the database tells them, and what they may say."""

from pathlib import Path

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements beside this file."""
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split("\n--;\n"):
        op.get_bind().exec_driver_sql(statement)
