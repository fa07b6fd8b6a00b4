"""A new value of a reading is one entry of one table: everything else reads it from there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api.console.wording.steps import shown_steps
from settlement.compute.interval import combinations, single_turns
from settlement.errors import SettlementRefused
from settlement.report.about import reading_rows
from settlement.rounds import load_round, load_rounds, reading_table
from settlement.rounds.reading_table import Value
from settlement.rounds.readings import Readings, read_order, read_readings

ROUND = load_rounds()["anhui-2026"]


@pytest.fixture
def widened(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table with one more value of a switch that grows, of one that turns, and of the spend basis."""
    table = dict(reading_table.TABLE)
    for name, value in (
        ("rounding", Value("to_yuan", "向下取整到元", "down to the yuan")),
        ("related", Value("0.33", "33%及以上", "holdings of 33% and above relate")),
        ("spend_basis", Value("contracted", "以合同为限", "the contracts cap", ("contract",))),
    ):
        table[name] = replace(table[name], values=(*table[name].values, value))
    monkeypatch.setattr(reading_table, "TABLE", table)


def read(**given: object) -> Readings:
    """Readings as a request states them."""
    return read_readings(given, read_order({}, ROUND), ROUND)


@pytest.mark.usefixtures("widened")
def test_a_value_added_to_the_table_is_accepted_labelled_and_listed() -> None:
    chosen = read(rounding="to_yuan", related=0.33, spend_basis="contracted")
    assert (chosen.rounding, chosen.related, chosen.spend_basis) == ("to_yuan", "0.33", "contracted")
    rows = dict(reading_rows({"readings": chosen.as_dict()}))
    assert rows["取整"] == "向下取整到元"
    assert rows["关联持股比例"] == "33%及以上"
    (step,) = shown_steps([{"rule": "R-ROUND", "title": "取整", "reading": {"rounding": "to_yuan"}}], {})
    assert step.readings == [("取整", "向下取整到元")]
    with pytest.raises(SettlementRefused, match="floor, half_up, to_yuan"):
        read(rounding="up")


@pytest.mark.usefixtures("widened")
def test_a_value_added_to_the_table_is_tried_by_the_interval() -> None:
    assert {one.related for one in combinations(Readings())} == {"0.25", "0.50", "0.33"}
    turns = single_turns(Readings())
    assert [one.rounding for one in turns["rounding"]] == ["half_up", "to_yuan"]
    assert [one.spend_basis for one in turns["spend_basis"]] == ["least_evidenced", "invoiced", "contracted"]


@pytest.mark.usefixtures("widened")
def test_a_share_added_to_the_table_is_one_that_a_round_may_have() -> None:
    text = ROUND.text
    at = text.index("[rules.R-RELATED]")
    share = text.index('share = "0.25"', at)
    assert load_round(text[:share] + 'share = "0.33"' + text[share + len('share = "0.25"') :]).id == ROUND.id


def test_without_the_value_all_of_it_is_refused() -> None:
    for given in ({"rounding": "to_yuan"}, {"related": "0.33"}, {"spend_basis": "contracted"}):
        with pytest.raises(SettlementRefused, match="is one of"):
            read(**given)
