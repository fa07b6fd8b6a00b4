"""Lines are stored all at once, as texts that say exactly what one line alone would say; steps are told from them."""

from __future__ import annotations

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement.compute.settlement import Settlement
from settlement.compute.shapes import excluded_of, line_dict, line_texts
from settlement.explain.steps import steps_of
from settlement.explain.stored import EACH_KIND, check_kinds, told, whole_working, working_texts
from settlement.explain.story import Setting
from settlement.numbers.quantities import UNITS_PER_PFLOPS_HOUR, pflops_hours_text, pflops_hours_texts
from settlement.rounds.reading_table import TABLE, choices
from tests.settlement.scene import busy_province
from tests.settlement.test_draft_and_match import apply, model
from tests.support.build_province import code_of

UNITS = st.one_of(
    st.integers(-(2**110), 2**110),
    st.builds(lambda a, b, c, d: a * 2**b * 5**c * 3**d, st.integers(-9, 9), st.integers(0, 40), st.integers(0, 20),
              st.integers(0, 3)),
    st.integers(-(10**9), 10**9).map(lambda n: n * UNITS_PER_PFLOPS_HOUR),
)  # fmt: skip


@given(st.lists(UNITS, max_size=30))
def test_a_column_of_quantities_is_written_as_each_of_them_is(units: list[int]) -> None:
    column = pl.Series("units", units, dtype=pl.Int128)
    assert pflops_hours_texts(column).to_list() == [pflops_hours_text(one) for one in units]


def settlements() -> list[Settlement]:
    """The busy province under every reading, with a budget, as an adjustment; a draft with applications."""
    found = []
    for readings in [{}, *({name: value} for name in TABLE for value in choices(name))]:
        world = busy_province()
        world.readings = readings
        found.append(world.settle())
    found.append(busy_province(budget_fen=4000).settle())
    found.append(apply(model("a", cost_ref="r")).settle())
    return found


@pytest.mark.parametrize("settlement", settlements(), ids=lambda one: f"{one.round.id} {one.digest[-8:]}")
def test_what_is_stored_of_a_line_says_what_the_line_says(settlement: Settlement) -> None:
    lines, workings = line_texts(settlement), working_texts(settlement)
    assert settlement.lines.height == len(lines) == len(workings) > 0
    for row, line, working in zip(settlement.lines.iter_rows(named=True), lines, workings, strict=True):
        assert line == json.dumps(line_dict(settlement, row), ensure_ascii=False)
        explained = told(Setting.of(settlement), json.loads(line), json.loads(working))
        expected = {"steps": steps_of(settlement, row["uscc"]), "excluded": excluded_of(settlement, row["uscc"])}
        assert explained == json.loads(json.dumps(expected))


@pytest.mark.parametrize("name", ['名"称', "反\\斜", "换\n行", "\x01", "<b>&'", "𠮷野", "", None])
def test_names_survive(name: str | None) -> None:
    settlement = busy_province().settle()
    named = settlement.lines.with_columns(name=pl.lit(name, dtype=pl.String))
    object.__setattr__(settlement, "lines", named)
    assert [json.loads(text)["name"] for text in line_texts(settlement)] == [name] * named.height


def test_a_line_that_was_changed_is_not_explained() -> None:
    settlement = busy_province().settle()
    line, working = json.loads(line_texts(settlement)[0]), json.loads(working_texts(settlement)[0])
    for name in ("all_charges_fen", "released_charges_fen"):
        values = {**working["values"], name: working["values"][name] + 1}
        with pytest.raises(AssertionError):
            told(Setting.of(settlement), line, {**working, "values": values})
    for name in ("award_fen", "payable_fen"):
        with pytest.raises(AssertionError):
            told(Setting.of(settlement), {**line, name: line[name] + 1}, working)
    with pytest.raises(AssertionError):
        told(Setting.of(settlement), {**line, "consumed_pflops_hours": "1/7"}, working)


@pytest.mark.parametrize("settlement", settlements(), ids=lambda one: f"{one.round.id} {one.digest[-8:]}")
def test_a_working_kept_with_all_values_says_the_same(settlement: Settlement) -> None:
    if settlement.round.draft:
        return
    lines = settlement.lines.iter_rows(named=True)
    for row, text, kept in zip(lines, line_texts(settlement), working_texts(settlement), strict=True):
        line, working = json.loads(text), json.loads(kept)
        whole = whole_working(line, working)
        assert whole["values"] == {name: row[name] for name in whole["values"]}
        assert whole_working(line, whole) == whole
        assert not set(working["values"]) & set(line), "nothing is kept twice"


def test_a_kind_of_lines_whose_steps_contradict_it_is_not_stored() -> None:
    settlement = busy_province().settle()
    assert 0 < check_kinds(settlement) <= settlement.lines.height * EACH_KIND
    wrong = settlement.lines.with_columns(award_fen=pl.col("award_fen") + 1)
    object.__setattr__(settlement, "lines", wrong)
    with pytest.raises(AssertionError):
        check_kinds(settlement)


def test_a_city_is_told_no_figure_of_the_province() -> None:
    settlement = busy_province(budget_fen=4000).settle()
    whole = Setting.of(settlement)
    of_city = Setting(whole.round, whole.order, whole.readings, None)
    uscc = code_of("p1")
    place = settlement.lines["uscc"].to_list().index(uscc)
    line, working = (json.loads(texts(settlement)[place]) for texts in (line_texts, working_texts))
    province = json.dumps(told(whole, line, working))
    city = json.dumps(told(of_city, line, working))
    total = f'"sum_of_awards_fen": {settlement.totals["award_fen"]}'
    assert total in province
    assert "sum_of_awards_fen" not in city
    assert str(settlement.totals["award_fen"]) not in city
