"""An approver sends a settlement back, with a note: until now the only answer of the last hand was yes."""

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

EVENTS = (
    "'run', 'submit', 'review', 'return', 'approve', 'publish', 'objection', 'ruling', 'lock', 'cancel', 'paid', "
    "'reopen'"
)


def upgrade() -> None:
    """Take the new event, and run the statements beside this file."""
    name = "settlement_event_settlement_event_event_known_check_check"
    op.execute(f"alter table settlement_event drop constraint {name}")
    op.execute(f"alter table settlement_event add constraint {name} check (event in ({EVENTS}))")
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split("\n--;\n"):
        op.get_bind().exec_driver_sql(statement)
