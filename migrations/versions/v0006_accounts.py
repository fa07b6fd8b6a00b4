"""No single hand moves money: bank accounts are approved, approvals bind them, and a name has one spelling.

Until now whoever kept the registry could change the account of an award after its approval, alone, and a start in the
far future won at once. Accounts recorded until now count as approved: they were paid to.
"""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements beside this file, with the letters that fold filled in."""
    single, several = _folds()
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split("\n--;\n"):
        filled = statement.replace("{letters}", "".join(single)).replace("{folded}", "".join(single.values()))
        filled = filled.replace("{ligatures}", "".join(several)).replace("{spelled}", ",".join(several.values()))
        op.get_bind().exec_driver_sql(filled)


def _folds() -> tuple[dict[str, str], dict[str, str]]:
    """Return what letters fold to where case does not matter: those that become one letter, and those that become more.

    PostgreSQL has no folding that every version and every locale does alike, so the function carries the table.
    """
    letters = (chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    folds = {letter: letter.casefold() for letter in letters if letter.casefold() != letter}
    return (
        {letter: folded for letter, folded in folds.items() if len(folded) == 1},
        {letter: folded for letter, folded in folds.items() if len(folded) > 1},
    )
