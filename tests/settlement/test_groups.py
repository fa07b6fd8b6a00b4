"""Netting of entities and groups, day by day, and the readings of supply (docs/rules.md, section 5)."""

from tests.support.build_province import Province, code_of


def figures(line: dict[str, object]) -> tuple[object, ...]:
    """consumed, supplied, group consumed, group supplied."""
    names = ("consumed", "supplied", "group_consumed", "group_supplied")
    return tuple(line[f"{name}_pflops_hours"] for name in names)


def test_supply_follows_equity_and_excludes_own_use() -> None:
    world = Province().party("p1", "p2", "p3").facility("jv", p1="0.8", p2="0.2")
    world.use("p1", "jv", 50, 5000).use("p2", "jv", 10, 1000).use("p3", "jv", 40, 4000)
    got = world.got()["lines"]
    assert figures(got[code_of("p1")]) == ("50", "40", "50", "40")
    assert figures(got[code_of("p2")]) == ("10", "18", "10", "18")
    assert got[code_of("p1")]["award_fen"] == 200  # 20 % x 5000 x 10/50
    assert got[code_of("p2")]["reasons"] == ["NET_NOT_POSITIVE"]


def test_a_share_of_a_third_stays_exact() -> None:
    world = (
        Province().party("p1", "p2", "p3", "p4").facility("jv", p1="0.333333333", p2="0.333333333", p3="0.333333334")
    )
    world.use("p4", "jv", 7, 0).facility("hub", p4="1").use("p1", "hub", 5, 1000)
    line = world.line("p1")
    assert line["supplied_pflops_hours"] == "2.333333331"
    assert line["base_fen"] == 533


def test_use_inside_the_group_is_no_supply_of_the_group_but_of_its_owner() -> None:
    world = (
        Province().party("p1", "p2", "p3", "p9").holds("p1", "p2", "0.9").facility("f", p2="1").facility("hub", p9="1")
    )
    world.use("p1", "f", 30, 3000).use("p3", "f", 30, 0).use("p2", "hub", 100, 10000)
    got = world.got()["lines"]
    assert figures(got[code_of("p2")]) == ("100", "60", "130", "30")
    assert got[code_of("p2")]["group"] == code_of("p1")
    assert got[code_of("p2")]["award_fen"] == 800
    assert got[code_of("p1")]["award_fen"] == 461  # floor(20 % x 3000 x 100/130)


def test_the_largest_holder_is_followed_and_the_smaller_code_of_two() -> None:
    world = Province().party("p1", "p2", "p3", "p4", "p9").facility("hub", p9="1").use("p4", "hub", 1, 100)
    world.holds("p2", "p4", "0.3").holds("p3", "p4", "0.3")
    assert world.line("p4")["group"] == code_of("p2")
    world.holds("p3", "p4", "0.31")
    assert world.line("p4")["group"] == code_of("p3")
    world.holds("p1", "p3", "0.26")
    assert world.line("p4")["group"] == code_of("p1")
    assert world.line("p4", related="0.50")["group"] == code_of("p4")


def test_a_cycle_is_named_by_its_smallest_code_also_from_below_it() -> None:
    world = (
        Province()
        .party("p1", "p2", "p3", "p4", "p9")
        .facility("hub", p9="1")
        .use("p1", "hub", 1, 100)
        .use("p4", "hub", 2, 100)
    )
    world.holds("p2", "p3", "0.4").holds("p3", "p4", "0.4").holds("p4", "p2", "0.4").holds("p3", "p1", "0.5")
    line = world.line("p1")
    assert (line["group"], line["group_consumed_pflops_hours"]) == (code_of("p2"), "3")


def test_group_figures_follow_the_entity_from_day_to_day() -> None:
    world = Province().party("p1", "p2", "p3", "p9").facility("hub", p9="1").facility("f", p2="1")
    world.holds("p1", "p2", "1", "2025-10-01", "2025-12-01").holds("p3", "p2", "1", "2025-12-01")
    for party, fen in (("p1", 1000), ("p3", 1000)):
        world.use(party, "hub", 10, fen, day="2025-11-01").use(party, "hub", 10, fen, day="2025-12-15")
    world.use("p9", "f", 4, 0, day="2025-09-01").use("p9", "f", 6, 0, day="2025-11-01").use(
        "p9", "f", 8, 0, day="2025-12-15"
    )
    got = world.got()["lines"]
    assert figures(got[code_of("p1")]) == ("20", "0", "20", "6")
    assert figures(got[code_of("p3")]) == ("20", "0", "20", "8")
    assert got[code_of("p1")]["group"] == code_of("p1")


def test_selling_on_the_last_day_launders_nothing() -> None:
    world = (
        Province()
        .party("p1", "p2", "p9")
        .facility("hub", p9="1")
        .facility("f", p2="1")
        .holds("p1", "p2", "1", None, "2026-04-15")
    )
    world.use("p1", "hub", 10, 1000).use("p9", "f", 10, 0)
    assert world.line("p1")["reasons"] == ["GROUP_NET_NOT_POSITIVE"]


def test_a_refused_user_still_counts_in_its_group() -> None:
    world = Province().party("p1", "p9").party("p2", independent_legal_person=False).holds("p1", "p2", "1")
    world.facility("hub", p9="1").facility("own", p1="1").use("p2", "hub", 30, 300).use("p1", "hub", 10, 1000).use(
        "p9", "own", 5, 0
    )
    got = world.got()["lines"]
    assert got[code_of("p2")]["award_fen"] == 0
    assert got[code_of("p1")]["award_fen"] == 100  # own 5/10 below the group's 35/40


def test_readings_of_supply() -> None:
    world = Province().party("p1", "p2", "p3", "p9").facility("hub", p9="1").holds("p1", "p2", "1")
    world.facility("f", p2="1", _operator="p3").facility("g", p2="1").facility("h", p1="0.5", p2="0.5")
    world.use("p1", "hub", 100, 10000).use("p2", "hub", 100, 10000).use("p3", "hub", 100, 10000)
    for facility, hours in (("f", 10), ("g", 20), ("h", 40)):
        world.use("p9", facility, hours, 0)
    default = world.got()["lines"]
    assert [figures(default[code_of(name)]) for name in ("p1", "p2", "p3")] == [
        ("100", "20", "200", "70"),
        ("100", "50", "200", "70"),
        ("100", "0", "100", "0"),
    ]
    entity = world.got(supply_owner="equity_entity")["lines"]
    assert figures(entity[code_of("p1")]) == ("100", "20", "100", "20")
    legal = world.got(supply_owner="legal_person")["lines"]
    assert [legal[code_of(name)]["supplied_pflops_hours"] for name in ("p1", "p2", "p3")] == ["0", "20", "10"]


def test_net_then_filter_nets_all_platform_use_in_the_scheme() -> None:
    world = Province().party("p1", "p2", "p9").facility("hub", p9="1").facility("own", p1="1").facility("alone", p1="1")
    world.use("p1", "hub", 30, 3000).use("p1", "hub", 70, 7000, purpose="commercial").use("p1", "alone", 50, 5000)
    world.use("p2", "own", 40, 0)
    line = world.line("p1", filter_order="net_then_filter")
    assert figures(line) == ("100", "40", "100", "40")
    assert line["award_fen"] == 360
    nothing = Province().party("p1", "p2", "p9").facility("hub", p9="1").facility("own", p1="1")
    nothing.use("p1", "hub", 30, 3000, purpose="commercial").use("p2", "own", 40, 0)
    reasons = nothing.line("p1", filter_order="net_then_filter")["reasons"]
    assert reasons == ["NET_NOT_POSITIVE", "NO_ELIGIBLE_USE", "PURPOSE_NOT_ELIGIBLE"]
