"""Records as property tests draw them: near midnights, of any length up to ten years, with any charge."""

from hypothesis import strategies as st

from tests.rollup.plain import Row, local_midnight

TEN_YEARS = 10 * 366 * 86_400
FIRST_DAY = 10_957  # 2000-01-01
LAST_DAY = 47_481  # 2099-12-31


@st.composite
def instants(draw: st.DrawFn) -> int:
    """Draw an instant, often within two seconds of a local midnight."""
    day = draw(st.integers(20_000, 20_010) | st.integers(FIRST_DAY, LAST_DAY))
    second = draw(st.sampled_from([0, 1, 2, 57_600, 86_398, 86_399]) | st.integers(0, 86_399))
    return local_midnight(day) + second


@st.composite
def records(draw: st.DrawFn, longest_seconds: int = TEN_YEARS) -> Row:
    """Draw one record within the limits of intake."""
    started = draw(instants())
    length = draw(
        st.sampled_from([0, 1, 86_399, 86_400, 86_401]) | st.integers(0, 400_000) | st.integers(0, longest_seconds)
    )
    return Row(
        started=started,
        ended=started + length,
        charge_fen=draw(st.sampled_from([0, 1, 10**15]) | st.integers(0, 10**6) | st.integers(0, 10**15)),
        millicards=draw(st.sampled_from([1, 10**9]) | st.integers(1, 64_000)),
        consumer=draw(st.integers(0, 3) | st.just(2**31 - 1)),
        facility=draw(st.integers(0, 2) | st.just(2**31 - 1)),
        chip=draw(st.integers(0, 2) | st.just(2**31 - 1)),
        purpose=draw(st.integers(0, 2)),
        via_platform=draw(st.booleans()),
        sign=draw(st.sampled_from([1, 1, 1, -1])),
    )
