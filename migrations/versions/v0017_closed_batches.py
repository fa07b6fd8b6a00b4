"""What is recorded is closed: no row is slipped into an earlier batch; a job decides what it was asked for only."""

from pathlib import Path

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements beside this file."""
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split("\n--;\n"):
        op.get_bind().exec_driver_sql(statement)
