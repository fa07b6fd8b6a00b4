"""A row that names nobody goes on record under the database's login, which nobody has to show again at the commit.

Until now the function asked who acts when the transaction ended; a job that ended in that same transaction acts for
nobody any more, so the lock of an adjustment that claims money back was undone.
"""

from pathlib import Path

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements beside this file."""
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split("\n--;\n"):
        op.get_bind().exec_driver_sql(statement)
