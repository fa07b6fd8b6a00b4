"""No role bends the money: functions are pinned to their schemas, and what is dangerous goes through checked ones.

A temporary table or view of a real one's name came before it in functions that had not said otherwise, and the service
could insert keys, people, sessions and audit rows as it liked.
"""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements beside this file."""
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split("\n--;\n"):
        op.get_bind().exec_driver_sql(statement)
