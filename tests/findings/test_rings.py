"""Circular use among affiliates is found ring by ring, each quantity cancelled once."""

from collections import defaultdict

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.findings.finding import FINDING_SCHEMA
from meter.findings.rings import rings, uses_among, with_proof
from meter.rollup.frames import USE_SCHEMA
from tests.findings.rows import Use, entries, loaded


def frame(*edges: tuple[int, int, int]) -> pl.DataFrame:
    """Return edges (user, supplier, quantity)."""
    return pl.DataFrame(edges, schema={"user": pl.Int32, "supplier": pl.Int32, "quantity": pl.Int64}, orient="row")


def test_two_that_use_each_other_cancel_the_lesser_quantity() -> None:
    assert rings(frame((1, 2, 10), (2, 1, 4))).rows() == [([1, 2], 4)]


def test_longer_rings_are_found_after_shorter_ones_through_the_same_party() -> None:
    found = rings(frame((1, 2, 10), (2, 3, 7), (3, 1, 5), (2, 1, 6), (9, 1, 3)))
    assert found.rows() == [([1, 2], 6), ([1, 2, 3], 4)]
    cancelled = sum(quantity * len(parties) for parties, quantity in found.iter_rows())
    assert cancelled == 6 * 2 + 4 * 3


def test_a_chain_is_no_ring() -> None:
    assert rings(frame((1, 2, 10), (2, 3, 7), (1, 3, 5), (4, 4, 9))).is_empty()


@given(st.lists(st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 20)), max_size=25))
@settings(max_examples=150, deadline=None)
def test_what_is_left_has_no_ring_and_nothing_is_cancelled_twice(edges: list[tuple[int, int, int]]) -> None:
    left: dict[tuple[int, int], int] = defaultdict(int)
    for user, supplier, quantity in edges:
        if user != supplier:
            left[user, supplier] += quantity
    found = rings(frame(*edges))
    assert found.equals(rings(frame(*reversed(edges))))
    for parties, quantity in found.iter_rows():
        assert quantity > 0
        for place, user in enumerate(parties):
            left[user, parties[(place + 1) % len(parties)]] -= quantity
    assert all(quantity >= 0 for quantity in left.values())
    remaining = {edge for edge, quantity in left.items() if quantity}
    while sources := {user for user, _ in remaining} - {supplier for _, supplier in remaining}:
        remaining = {edge for edge in remaining if edge[0] not in sources}
    assert not remaining


def test_use_among_affiliates_is_weighed_by_share_and_rating() -> None:
    day = {"day": 20_400, "chip": 1, "purpose": 1, "charge_fen": 0, "pieces": 1, "starts": 1}
    use = pl.DataFrame(
        [
            {**day, "consumer": 1, "facility": 20, "via_platform": True, "millicard_seconds": 3_600_000 * 10},
            {**day, "consumer": 2, "facility": 10, "via_platform": True, "millicard_seconds": 3_600_000 * 4},
            {**day, "consumer": 2, "facility": 10, "via_platform": False, "millicard_seconds": 3_600_000 * 99},
            {**day, "consumer": 3, "facility": 10, "via_platform": True, "millicard_seconds": 3_600_000},
        ],
        schema=USE_SCHEMA,
    )
    ever = {"day_from": 0, "day_to": 99_999}
    owners = pl.DataFrame(
        [
            {"facility": 10, "party": 1, "share_billionths": 10**9, **ever},
            {"facility": 20, "party": 2, "share_billionths": 5 * 10**8, **ever},
            {"facility": 20, "party": 1, "share_billionths": 5 * 10**8, **ever},
        ],
        schema_overrides={"facility": pl.Int32, "party": pl.Int32},
    )
    groups = pl.DataFrame({"party": [1, 2, 3], "group": [1, 1, 3]}, schema={"party": pl.Int32, "group": pl.Int32})
    ratings = pl.DataFrame([{"chip": 1, "megaflops_fp16": 320_000_000, **ever}], schema_overrides={"chip": pl.Int32})
    found = uses_among(use, owners, groups, ratings)
    assert found.rows() == [(1, 2, 5 * 320_000_000), (2, 1, 4 * 320_000_000)]
    rows = loaded(
        entries(
            [Use(0, 9, consumer=1, facility=20), Use(3, 8, consumer=2, facility=10), Use(0, 9, consumer=3, facility=10)]
        )
    )
    findings = with_proof(rings(found), owners, [lambda: rows])
    assert findings.schema == FINDING_SCHEMA
    assert findings["records"].to_list() == [[{"batch": 1, "ordinal": 0}, {"batch": 1, "ordinal": 1}]]
