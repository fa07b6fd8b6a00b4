"""What a trigger refused is told by the code that it gave, in the spelling of the contract."""

from __future__ import annotations

import subprocess
import sys

import asyncpg
import pytest

from meter.database.errors import refusal_of

REFUSE = "do $$ begin raise exception 'not now' using errcode = 'check_violation'{constraint}; end $$"
CASES = {"", "lease_lost", "NO_SUCH_CLAIM"}


@pytest.mark.parametrize("constraint", sorted(CASES))
async def test_a_refusal_by_trigger_has_a_stable_code(database: str, constraint: str) -> None:
    connection = await asyncpg.connect(database)
    try:
        with pytest.raises(asyncpg.CheckViolationError) as caught:
            await connection.execute(REFUSE.format(constraint=f", constraint = '{constraint}'" if constraint else ""))
    finally:
        await connection.close()
    assert refusal_of(caught.value) == (constraint.upper() or "STATE_NOT_ALLOWED", "not now")


def test_what_the_settlement_refuses_needs_no_driver() -> None:
    program = "import sys, settlement.errors; sys.exit('asyncpg' in sys.modules or 'sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
