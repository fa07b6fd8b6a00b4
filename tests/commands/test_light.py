"""A command that is only asked what it takes loads nothing that it would work with."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("polars", "numba", "numpy", "pyarrow", "sqlalchemy", "asyncpg", "alembic", "fastapi", "xlsxwriter")
PROGRAM = f"""
import sys
from api.commands import command_line
command_line(None)
print(*sorted(set(sys.modules) & {set(HEAVY)}))
"""


def test_all_commands_are_named_without_what_they_work_with() -> None:
    said = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert said.stdout.split() == []
