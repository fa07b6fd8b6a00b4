"""Inputs that cannot be settled are refused with the rule they break; sums that do not fit are refused, not wrapped."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from settlement.compute.settle import settle
from settlement.errors import SettlementRefused
from settlement.inputs.frames import Inputs
from settlement.jobs.worlds.inputs import inputs_of
from settlement.netting.set_aside import largest_beyond
from settlement.rounds import load_rounds
from tests.settlement.scene import busy_province
from tests.support.build_province import Province

ROUND = load_rounds()["anhui-2026"]


def inputs() -> Inputs:
    """The inputs of the busy province."""
    return inputs_of(busy_province().world())[0]


def with_use(change: Callable[[pl.DataFrame], pl.DataFrame]) -> Inputs:
    """The same with another use frame."""
    given = inputs()
    return replace(given, use=change(given.use))


def code_of_refusal(given: Inputs) -> str:
    """The code with which a settlement of these inputs is refused."""
    with pytest.raises(SettlementRefused) as refused:
        settle(given, ROUND, {"rate": "0.2"})
    return refused.value.code


def set_to(name: str, value: Any) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """One column set to one value in the first row."""

    def change(frame: pl.DataFrame) -> pl.DataFrame:
        first = pl.int_range(pl.len()) == 0
        changed = pl.when(first).then(pl.lit(value)).otherwise(pl.col(name)).cast(frame.schema[name]).alias(name)
        return frame.with_columns(changed)

    return change


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda use: use.drop("pieces"), "INPUT_COLUMNS"),
        (lambda use: use.with_columns(pl.col("charge_fen").cast(pl.Float64)), "INPUT_COLUMNS"),
        (set_to("charge_fen", None), "INPUT_NULL"),
        (set_to("charge_fen", -1), "INPUT_OUT_OF_RANGE"),
        (set_to("purpose", 3), "INPUT_OUT_OF_RANGE"),
        (set_to("pieces", 0), "INPUT_OUT_OF_RANGE"),
        (set_to("consumer", 10**6), "INPUT_UNKNOWN_RANK"),
        (lambda use: pl.concat([use, use]), "INPUT_DUPLICATE"),
    ],
)
def test_use_that_breaks_the_border(change: Callable[[pl.DataFrame], pl.DataFrame], code: str) -> None:
    assert code_of_refusal(with_use(change)) == code


def test_owners_that_do_not_sum_to_one_are_refused() -> None:
    given = inputs()
    wrong = replace(given, facility_owners=set_to("share_billionths", 999_999_999)(given.facility_owners))
    assert code_of_refusal(wrong) == "OWNER_SHARES_NOT_ONE"


def test_a_chip_or_facility_nobody_registered_is_refused() -> None:
    given = inputs()
    assert code_of_refusal(replace(given, chip_facts=given.chip_facts.clear())) == "CHIP_NOT_RATED"
    bare = replace(given, facility_facts=given.facility_facts.clear(), facility_owners=given.facility_owners.clear())
    assert code_of_refusal(bare) == "FACILITY_NOT_REGISTERED"


@pytest.mark.parametrize(("start", "refused"), [(None, True), ("2025-10-01", True), ("2025-12-01", False)], ids=str)
def test_nobody_is_held_above_the_whole_on_any_day(start: str | None, refused: bool) -> None:
    world = (
        Province().party("p1", "p2", "p3").holds("p1", "p3", "0.6", None, "2025-12-01").holds("p2", "p3", "0.5", start)
    )
    if refused:
        assert world.got() == {"refused": "holdings_above_one"}  # as the registry says it
    else:
        assert "refused" not in world.got()


def test_holdings_above_the_whole_settle_nothing_even_past_the_registry() -> None:
    given = inputs_of(Province().party("p1", "p2", "p3").holds("p1", "p3", "0.6").holds("p2", "p3", "0.4").world())[0]
    assert not settle(given, ROUND, {"rate": "0.2"}).lines.height
    above = replace(given, holding_facts=set_to("share_billionths", 600_000_001)(given.holding_facts))
    assert code_of_refusal(above) == "HOLDINGS_ABOVE_WHOLE"


def test_a_quantity_that_does_not_fit_is_refused_and_one_that_just_fits_is_exact() -> None:
    given = inputs()
    ratings = given.chip_facts.with_columns(pl.lit(10**15).alias("megaflops_fp16"))
    use = given.use.with_columns(pl.lit(10**12).alias("millicard_seconds"))
    found = settle(replace(given, chip_facts=ratings, use=use), ROUND, {"rate": "0.2"})
    assert max(found.lines["consumed_units"].to_list()) >= 10**36
    refused_alone(replace(given, chip_facts=ratings), set_to("millicard_seconds", 10**17))


def refused_alone(given: Inputs, change: Callable[[pl.DataFrame], pl.DataFrame], frame: str = "use") -> None:
    """Settle with one consumer's first row changed: that line is refused, and no other is touched by its figures."""
    changed = change(getattr(given, frame))
    who = changed["consumer"][0]
    code = given.parties["uscc"][who]
    both: dict[str, Any] = {frame: changed}
    found = settle(replace(given, **both), ROUND, {"rate": "0.2"})
    lines = {line["uscc"]: line for line in found.lines.to_dicts()}
    assert "USE_TOO_LARGE" in lines[code]["reasons"]
    assert (lines[code]["award_fen"], lines[code]["held_fen"], lines[code]["payable_fen"]) == (0, 0, 0)
    without: dict[str, Any] = {} if frame != "use" else {"use": given.use.filter(pl.col("consumer") != who)}
    expected = settle(replace(given, **without), ROUND, {"rate": "0.2"}).lines.to_dicts()
    others = [line for line in expected if line["uscc"] != code]
    assert others
    assert [lines[line["uscc"]] for line in others] == others


def test_charges_that_do_not_fit_are_refused_with_the_line_of_their_consumer() -> None:
    refused_alone(inputs(), set_to("charge_fen", 2**62))
    given = with_use(set_to("charge_fen", 2**62))
    totals = settle(given, ROUND, {"rate": "0.2"}).totals
    charges = totals["charge_in_window_fen"] + totals["charge_outside_window_fen"]
    assert charges == sum(given.use["charge_fen"].to_list())


def test_a_group_in_several_rows_is_refused_with_the_line_of_its_consumer() -> None:
    def several(use: pl.DataFrame) -> pl.DataFrame:
        large = use[:1].with_columns(pl.lit(2**62).alias("charge_fen"), pl.lit(2**62).alias("millicard_seconds"))
        return pl.concat([large, large, use])

    refused_alone(inputs(), several)


def test_use_before_the_window_may_be_as_large_as_it_likes() -> None:
    given = inputs()
    early = given.use[:1].with_columns(pl.lit(16_000, pl.Int32).alias("day"), pl.lit(2**62).alias("charge_fen"))
    found = settle(replace(given, use=pl.concat([early, early, given.use])), ROUND, {"rate": "0.2"})
    assert found.lines.equals(settle(given, ROUND, {"rate": "0.2"}).lines)
    assert found.totals["charge_outside_window_fen"] >= 2**63


def test_evidence_that_does_not_fit_is_refused_with_the_line_of_its_consumer() -> None:
    refused_alone(inputs(), set_to("amount_fen", 2**62), "expenditure_facts")


def test_as_few_as_possible_are_set_aside_and_the_largest_first() -> None:
    assert largest_beyond({1: 5, 2: 9, 3: 9, 4: 1}, 100) == set()
    assert largest_beyond({1: 5, 2: 9, 3: 9, 4: 1}, 24) == {3}
    assert largest_beyond({1: 5, 2: 9, 3: 9, 4: 1}, 15) == {2, 3}
    assert largest_beyond({}, 1) == set()


def test_money_near_the_bound_is_exact() -> None:
    world = Province(order={"rate": "0.123456789012345678"}).party("p1", "p2", "p9").facility("hub", p9="1")
    world.facility("own", p1="1").use("p1", "hub", 999_983, 10**15).use("p2", "own", 7, 0)
    line = world.line("p1")
    assert line["award_fen"] == 123456789012345678 * 10**15 * (999_983 - 7) // (10**18 * 999_983)


def test_use_in_another_order_gives_the_same_bytes() -> None:
    given = inputs()
    expected = settle(given, ROUND, {"rate": "0.2", "budget_fen": 5000})
    for seed in range(3):
        shuffled = replace(
            given,
            use=given.use.sample(fraction=1, shuffle=True, seed=seed),
            holding_facts=given.holding_facts.sample(fraction=1, shuffle=True, seed=seed),
            facility_owners=given.facility_owners.sample(fraction=1, shuffle=True, seed=seed),
            expenditure_facts=given.expenditure_facts.sample(fraction=1, shuffle=True, seed=seed),
            entity_facts=given.entity_facts.sample(fraction=1, shuffle=True, seed=seed),
        )
        found = settle(shuffled, ROUND, {"rate": "0.2", "budget_fen": 5000})
        assert found.canonical_bytes() == expected.canonical_bytes()
        assert found.digest == expected.digest


def test_the_digest_names_its_algorithm_and_covers_every_line() -> None:
    given = inputs()
    expected = settle(given, ROUND, {"rate": "0.2"})
    assert expected.digest.startswith("sm3:")
    assert settle(given, ROUND, {"rate": "0.2"}, algorithm="sha256").digest.startswith("sha256:")
    body = expected.canonical_bytes().decode().splitlines()
    assert len(body) == 1 + expected.lines.height
    assert [line.split(",")[0] for line in body[1:]] == sorted(expected.lines["uscc"])
    assert settle(with_use(set_to("charge_fen", 7)), ROUND, {"rate": "0.2"}).digest != expected.digest
