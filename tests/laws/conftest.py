"""The implementation under test, as a fixture; and the end of the processes that tried it."""

from collections.abc import Iterator

import pytest

from tests.laws.implementation import NAMES
from tests.laws.trial import processes


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """The name of an implementation; every law is held against each."""
    return str(request.param)


@pytest.fixture(scope="session", autouse=True)
def _end_of_processes() -> Iterator[None]:
    """Leave no process behind."""
    yield
    if processes.cache_info().currsize:
        processes().shutdown(cancel_futures=True)
