"""Instructions are numbered one after another, from the first on."""

from __future__ import annotations

from tests.payout.conftest import Paying
from tests.payout.files import instructions


async def test_a_lock_that_is_tried_first_takes_no_numbers(paying: Paying) -> None:
    assert [one["id"] for one in await instructions(paying)] == list(range(1, 19))
