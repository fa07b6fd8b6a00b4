"""Whose hand it is, is shown and not said: decisions need the key or session of who takes them, in the database too.

Until now whoever could run SQL as the service named who decided, and the command line decided as nobody in particular.
Sessions that are open end with this migration: the database kept what opens them, and now keeps its digest.
"""

from pathlib import Path

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements beside this file."""
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split("\n--;\n"):
        op.get_bind().exec_driver_sql(statement)
