"""The steps of a line are its computation: replayed alone they give the line, changed they are found out."""

import copy
from itertools import product

import pytest

from settlement.compute.shapes import excluded_of
from settlement.explain.operations import replay
from settlement.explain.steps import steps_of
from settlement.rounds.reading_table import TABLE, choices
from tests.settlement.scene import busy_province
from tests.settlement.test_draft_and_match import apply, model, team
from tests.support.build_province import code_of

TURNS = [{}, *({name: value} for name, values in ((name, choices(name)) for name in TABLE) for value in values)]


@pytest.mark.parametrize("readings", TURNS, ids=str)
@pytest.mark.parametrize("order", [{}, {"budget_fen": 4000}, {"uplift": True}], ids=str)
def test_steps_replay_to_every_amount(readings: dict[str, str], order: dict[str, object]) -> None:
    world = busy_province(**order)
    world.readings = readings
    settlement = world.settle()
    for row in settlement.lines.iter_rows(named=True):
        values = replay(steps_of(settlement, row["uscc"]))
        names = ["award_fen", "held_fen", "payable_fen", "base_fen", "eligible_expenditure_fen"]
        names += ["adjustment_fen"] if row["adjustment_fen"] is not None else []
        assert {name: values[name] for name in names} == {name: row[name] for name in names}


def test_steps_of_a_forecast_and_of_a_draft_replay() -> None:
    world = busy_province()
    world.order = {}
    draft = apply(
        model("a", cost_ref="r"),
        team("b", cost_ref="r", other_municipal={"amount_fen": 10, "paid": True}),
        {"id": "c", "article": "5", "kwh": "3.5", "pue": "1.3"},
    )
    for settlement in (world.settle(), draft.settle()):
        for row in settlement.lines.iter_rows(named=True):
            values = replay(steps_of(settlement, row["uscc"]))
            assert (values["award_fen"], values["payable_fen"]) == (row["award_fen"], 0)


def test_a_changed_step_is_found_out() -> None:
    steps = steps_of(busy_province().settle(), code_of("p1"))
    replay(steps)
    found = 0
    for place, part in product(range(len(steps)), ("before", "after")):
        for name, value in steps[place][part].items():
            if isinstance(value, int) and not isinstance(value, bool) and name.endswith("_fen"):
                tampered = copy.deepcopy(steps)
                tampered[place][part][name] += 1000
                with pytest.raises(ValueError, match="step"):
                    replay(tampered)
                found += 1
    assert found > 10


def test_every_step_has_words_and_a_title() -> None:
    steps = steps_of(busy_province().settle(), code_of("p1"))
    assert steps
    for step in steps:
        assert step["title"]
        assert bool(step["quote"]) != bool(step["ext"])


def test_an_entity_without_a_line_has_no_steps() -> None:
    assert steps_of(busy_province().settle(), code_of("p99")) == []


def test_what_is_left_out_is_shown_by_reason() -> None:
    settlement = busy_province().settle()
    shown = {(part["status"], part["reason"]): part for part in excluded_of(settlement, code_of("p1"))}
    assert shown[("held", "PURPOSE_NOT_STATED")]["pflops_hours"] == "13"
    assert shown[("held", "PURPOSE_NOT_STATED")]["charge_fen"] == 5555
    assert shown[("held", "PURPOSE_NOT_STATED")]["pieces"] == 1
