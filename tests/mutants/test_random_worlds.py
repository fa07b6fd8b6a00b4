"""A few of the random worlds that the laws try by the thousand, for mutants: product and reference give the same."""

from __future__ import annotations

import pytest

from tests.laws.difference import differences
from tests.laws.implementation import settle_by_product
from tests.laws.worlds import world_of
from tests.reference import settle as settle_by_reference

WORLDS = 60


@pytest.mark.parametrize("seed", range(WORLDS))
def test_product_and_reference_agree(seed: int) -> None:
    world = world_of(seed)
    assert differences(settle_by_reference(world), settle_by_product(world)) == []
