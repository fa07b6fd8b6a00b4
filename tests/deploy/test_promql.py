"""The little reader of expressions finds what is there and refuses what it does not understand."""

from __future__ import annotations

import pytest

from tests.deploy.promql import named


def test_it_finds_metrics_selectors_and_groupings() -> None:
    found = named('histogram_quantile(0.99, sum by (le, route) (rate(a_bucket{x=~"4..",y="1"}[5m]))) / b > 1')
    assert found.metrics == {"a_bucket": {"x", "y"}, "b": set()}
    assert found.grouped == {"le", "route"}


@pytest.mark.parametrize("wrong", ["sum(rate(a[5m])", "a)", "", "nosuch(a)", "a{x~1}", '{x="1"}', "a ? b", "sum(1)"])
def test_it_refuses_what_is_no_expression(wrong: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        named(wrong)
