"""Self-built self-used: scope by facility, insiders by the day, related parties (docs/rules.md, section 4)."""

import pytest

from tests.support.build_province import Province, code_of


def test_a_venture_used_only_by_its_investors_counts_on_neither_side() -> None:
    world = Province().party("p1", "p2", "p9").facility("jv", p1="0.70", p2="0.30").facility("hub", p9="1")
    world.use("p1", "jv", 40, 4000).use("p2", "jv", 60, 6000, purpose="commercial").use("p1", "hub", 20, 2000)
    got = world.got()["lines"]
    first, second = got[code_of("p1")], got[code_of("p2")]
    assert (first["consumed_pflops_hours"], first["supplied_pflops_hours"], first["award_fen"]) == ("20", "0", 400)
    assert first["reasons"] == ["SELF_BUILT_SELF_USED"]
    assert second["reasons"] == ["NO_ELIGIBLE_USE", "PURPOSE_NOT_ELIGIBLE"], "the earlier reason shows"
    assert second["supplied_pflops_hours"] == "0"


@pytest.mark.parametrize(
    ("outside", "held", "scheme"),
    [(9, True, True), (10, False, True), (0, False, False)],
    ids=["9 of 99 is below a tenth", "10 of 100 is not", "nobody outside"],
)
def test_the_hold_below_a_tenth_of_outside_use(outside: int, held: bool, scheme: bool) -> None:
    world = Province().party("p1", "p2").facility("own", p1="1").use("p1", "own", 90, 9000)
    if outside:
        world.use("p2", "own", outside, 0)
    line = world.line("p1")
    assert ("EXTERNAL_SHARE_BELOW_HOLD_THRESHOLD" in line["reasons"]) == held
    assert (line["supplied_pflops_hours"] != "0") == scheme
    assert (line["held_fen"] > 0) == held
    assert ("SELF_BUILT_SELF_USED" in line["reasons"]) != scheme
    without = world.line("p1", hold_below_external_share="0")
    assert without["held_fen"] == 0
    assert without["award_fen"] == line["award_fen"] + line["held_fen"]


def test_outside_use_of_any_purpose_brings_a_facility_into_scope_but_not_off_the_platform() -> None:
    world = Province().party("p1", "p2").facility("own", p1="1").use("p1", "own", 50, 5000)
    assert world.use("p2", "own", 50, 0, via_platform=False).line("p1")["reasons"] == [
        "NO_ELIGIBLE_USE",
        "SELF_BUILT_SELF_USED",
    ]
    assert world.use("p2", "own", 30, 0, purpose="commercial").line("p1")["award_fen"] == 400


def test_a_record_of_no_length_brings_nothing_into_scope() -> None:
    world = Province().party("p1", "p2").facility("own", p1="1").use("p1", "own", 50, 5000).use("p2", "own", 0, 5)
    got = world.got()["lines"]
    assert "SELF_BUILT_SELF_USED" in got[code_of("p1")]["reasons"]
    assert got[code_of("p2")]["reasons"] == ["NET_NOT_POSITIVE"], "an outsider's part is never touched"


@pytest.mark.parametrize(
    ("shares", "related"),
    [
        ([("p3", "p1", "0.25"), ("p3", "p2", "0.25")], True),
        ([("p3", "p1", "0.25"), ("p3", "p2", "0.249999999")], False),
        ([("p1", "p3", "0.25"), ("p3", "p4", "0.25"), ("p4", "p2", "0.25")], True),
        ([("p1", "p3", "0.9"), ("p3", "p2", "0.2")], False),
        ([("p3", "p1", "0.3"), ("p4", "p1", "0.3"), ("p4", "p2", "0.3"), ("p5", "p2", "0.4")], True),
        ([("p3", "p1", "0.3"), ("p4", "p1", "0.3"), ("p5", "p2", "0.3"), ("p6", "p2", "0.4")], False),
        ([("p2", "p1", "0.3"), ("p1", "p2", "0.3")], True),
        (
            [("p3", "p4", "0.5"), ("p4", "p3", "0.5"), ("p3", "p1", "0.5"), ("p4", "p2", "0.5"), ("p5", "p2", "0.5")],
            True,
        ),
        ([("p7", "p1", "1"), ("p7", "p2", "1")], False),
        ([("p3", "p7", "1"), ("p7", "p1", "1"), ("p3", "p2", "1")], False),
    ],
    ids=[
        "one holder of both",
        "a shade below",
        "a chain of quarters",
        "a broken chain",
        "one of two holders",
        "two holders each, none shared",
        "each other",
        "through a cycle above",
        "the State holds both",
        "the State in between",
    ],
)
def test_who_is_related(shares: list[tuple[str, str, str]], related: bool) -> None:
    world = Province().party("p1", "p2", "p3", "p4", "p5", "p6").party("p7", state_body=True).facility("own", p1="1")
    for holder, held, share in shares:
        world.holds(holder, held, share)
    world.use("p1", "own", 50, 5000).use("p2", "own", 50, 5000)
    assert ("SELF_BUILT_SELF_USED" in world.line("p2")["reasons"]) == related
    strict = [share for *_, share in shares if float(share) < 0.5]
    if related and strict:
        assert "SELF_BUILT_SELF_USED" not in world.line("p2", related="0.50")["reasons"]


def test_a_relation_lasts_from_its_first_day_to_the_day_before_its_end() -> None:
    world = (
        Province().party("p1", "p2", "p3").facility("own", p1="1").holds("p1", "p2", "0.6", "2025-11-04", "2025-11-06")
    )
    for day in ("2025-11-03", "2025-11-04", "2025-11-05", "2025-11-06"):
        world.use("p2", "own", 10, 1000, day=day)
    line = world.line("p2", self_test="use_excluded")
    assert line["consumed_pflops_hours"] == "20"
    assert line["award_fen"] == 400


def test_a_superseded_holding_does_not_revive() -> None:
    world = Province().party("p1", "p2").facility("own", p1="1").holds("p1", "p2", "0.6")
    world.holds("p1", "p2", "0.1", "2025-11-01", "2025-11-03").use("p1", "own", 10, 1000).use("p2", "own", 10, 1000)
    assert world.line("p2")["reasons"] == []


def test_a_state_body_counts_as_holder_again_when_it_is_none() -> None:
    world = Province().party("p7", state_body=True).party("p7", valid_from="2025-11-04").party("p1", "p2")
    world.facility("own", p1="1").holds("p7", "p1", "1").holds("p7", "p2", "1")
    world.use("p2", "own", 10, 1000).use("p2", "own", 10, 1000, day="2025-11-04")
    assert world.line("p2", self_test="use_excluded")["consumed_pflops_hours"] == "10"


def test_the_threshold_of_relation_does_not_move_the_investors_quarter() -> None:
    world = Province().party("p1", "p2").facility("jv", p1="0.75", p2="0.25").use("p2", "jv", 10, 1000)
    assert world.line("p2", related="0.50")["reasons"] == ["NO_ELIGIBLE_USE", "SELF_BUILT_SELF_USED"]


def test_charges_within_the_family_are_flagged_where_they_are_eligible() -> None:
    world = Province().party("p1", "p2", "p3").facility("own", p1="1").holds("p1", "p3", "0.5")
    world.use("p1", "own", 40, 4000).use("p2", "own", 20, 2000).use("p3", "own", 5, 0)
    got = world.got()["lines"]
    assert [name for name in ("p1", "p2", "p3") if "INTRA_GROUP_CHARGES" in got[code_of(name)]["flags"]] == ["p1"]
