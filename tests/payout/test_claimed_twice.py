"""What is claimed back already is not claimed again, whatever a line says: the database counts both."""

from __future__ import annotations

import asyncpg
import pytest

from tests.payout.conftest import Paying
from tests.payout.test_clawbacks import adjusted, correct, lock_adjustment, pay
from tests.support.province import CITIES, code_of


async def test_what_is_claimed_back_already_is_not_claimed_again(paying: Paying) -> None:
    """Paid 20,000, of which 12,000 are claimed: of a difference that says 15,000 more, 7,000 were never paid."""
    await pay(paying)
    code = code_of(CITIES[1], 0)
    await correct(paying, code, 40_000)
    await lock_adjustment(paying)
    await correct(paying, code, 30_000)
    made = str((await adjusted(paying))["id"])
    transaction = paying.owner.transaction()
    await transaction.start()
    await paying.owner.execute("set local session_replication_role = replica")
    changed = "update settlement_line set adjustment_fen = -15000 where settlement = $1 and uscc = $2"
    assert await paying.owner.execute(changed, made, code) == "UPDATE 1"
    await paying.owner.execute("set local session_replication_role = origin")
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await paying.owner.execute("select settlement_instruct($1, 'key:somebody', now())", made)
    await transaction.rollback()
    assert refused.value.constraint_name == "claim_above_paid"
