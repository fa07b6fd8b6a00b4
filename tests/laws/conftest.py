"""The implementation under test, as a fixture."""

import pytest

from tests.laws.implementation import NAMES


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """The name of an implementation; every law is held against each."""
    return str(request.param)
