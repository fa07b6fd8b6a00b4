"""What-if leaves everything outside the change alone; the interval encloses every single reading."""

from typing import Any

import polars as pl

from settlement.compute.compare import compare, compare_orders
from settlement.compute.interval import interval
from settlement.compute.settle import settle
from settlement.jobs.worlds.inputs import inputs_of
from settlement.rounds import load_rounds
from settlement.rounds.reading_table import TABLE, choices
from tests.settlement.scene import busy_province
from tests.support.build_province import code_of

ROUND = load_rounds()["anhui-2026"]


def test_a_settlement_does_not_differ_from_itself() -> None:
    settlement = busy_province().settle()
    same = compare(settlement, busy_province().settle())
    assert same.same
    assert set(same.totals.values()) == {0}


def test_a_change_for_one_city_touches_only_its_lines() -> None:
    inputs, _ = inputs_of(busy_province().world())
    orders: list[dict[str, Any]] = [{"rate": "0.10"}, {"rate": "0.10", "uplift": True}, {"rate": "0.12"}]
    plain, uplifted, higher = (comparison for _, comparison in compare_orders(inputs, ROUND, orders))
    assert plain.same
    assert uplifted.entities["uscc"].to_list() == [code_of("p5")]
    assert uplifted.entities["changed"].to_list() == [["award_fen", "payable_fen"]]
    cities = dict(uplifted.cities.select("city", "award_fen_difference").iter_rows())
    assert cities["341300"] == uplifted.totals["award_fen"] > 0
    assert cities["340200"] == 0
    assert higher.totals["award_fen"] == higher.entities["award_fen_difference"].sum()


def test_lines_that_only_one_side_has_are_differences() -> None:
    less = busy_province()
    less.usage = [record for record in less.usage if record["consumer"] != code_of("p5")]
    gone = compare(busy_province().settle(), less.settle()).entities.filter(pl.col("uscc") == code_of("p5"))
    assert gone.select("in_a", "in_b").row(0) == (True, False)


def test_the_interval_encloses_every_single_reading_and_names_what_moves_a_line() -> None:
    inputs, _ = inputs_of(busy_province().world())
    found = interval(inputs, ROUND, {"rate": "0.17"})
    moved: dict[str, set[str]] = {uscc: set() for uscc in found.lines["uscc"]}
    for name, values in ((name, choices(name)) for name in TABLE):
        for value in values:
            lines = settle(inputs, ROUND, {"rate": "0.17"}, {name: value}).lines.select("uscc", "award_fen")
            both = found.lines.join(lines, on="uscc")
            assert both.filter(~pl.col("award_fen").is_between("strictest_fen", "generous_fen")).height == 0
            for uscc in both.filter(pl.col("award_fen") != pl.col("default_fen"))["uscc"]:
                moved[uscc].add(name)
    assert {row["uscc"]: set(row["moved_by"]) for row in found.lines.iter_rows(named=True)} == moved
    assert any(moved.values())
    assert found.totals["strictest_fen"] <= found.totals["default_fen"] <= found.totals["generous_fen"]
