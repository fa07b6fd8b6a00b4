"""The product gives what the reference gives: every field of every line, totals and ingest counts, on random worlds."""

import pytest

from tests.laws.chance import Chance
from tests.laws.difference import differences
from tests.laws.implementation import Settle
from tests.laws.trial import WORLDS, hold
from tests.laws.worlds import World, world_of
from tests.reference import settle as settle_by_reference


def the_implementation_agrees_with_the_reference(settle: Settle, world: World, _chance: Chance) -> list[str] | None:
    """No difference anywhere."""
    return differences(settle_by_reference(world), settle(world))


@pytest.mark.timeout(max(300, WORLDS // 20))  # by how much there is to do: 20 worlds a second on the slowest machine
def test_product_and_reference_agree() -> None:
    """On DEFAULT_WORLDS, or as many as SUANBU_WORLDS says."""
    hold(the_implementation_agrees_with_the_reference, "product", world_of, WORLDS)
