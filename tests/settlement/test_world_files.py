"""A world is read as it is written; one that is none, or expects nothing that can be, says so and stops nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from settlement.jobs.worlds.read import load_worlds
from settlement.jobs.worlds.run import run_world
from tests.support.build_province import Province, code_of

A = code_of("p1")


def world(**changed: Any) -> dict[str, Any]:
    """A world in which p1 is awarded 1,000 fen, with fields changed."""
    plain = Province().party("p1", "p2").facility("f", p2="1").use("p1", "f", 10, 5000)
    return {**plain.world(), **changed}


def refusal(given: dict[str, Any]) -> tuple[str, str]:
    """Code and detail of the refusal."""
    result = run_world(given)
    return result["got"].get("refused", "settled"), result.get("detail", "")


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        ({"mood": 1}, "WORLD_INVALID", "mood"),
        ({7: 1}, "WORLD_INVALID", "7"),
        ({"round": ["anhui-2026"]}, "WORLD_INVALID", "round"),
        ({"round": "anhui-2031"}, "UNKNOWN_ROUND", "anhui-2031"),
        ({"order": "0.20"}, "WORLD_INVALID", "order"),
        ({"readings": ["gate"]}, "WORLD_INVALID", "readings"),
        ({"entities": {}}, "WORLD_INVALID", "entities"),
        ({"usage": {"id": "u1"}}, "WORLD_INVALID", "usage"),
        ({"settled": []}, "WORLD_INVALID", "settled"),
        ({"settled": {"lines": {A: None}}}, "WORLD_INVALID", A),
        ({"settled": {"lines": {A: {}}}}, "WORLD_INVALID", "payable_fen"),
        ({"settled": {"lines": {A: {"payable_fen": "5"}}}}, "WORLD_INVALID", "payable_fen"),
        ({"settled": {"lines": {A: {"payable_fen": -5}}}}, "WORLD_INVALID", "payable_fen"),
        ({"settled": {"lines": {"x": {"payable_fen": 5}}}}, "WORLD_INVALID", "x"),
        ({"entities": [None]}, "wrong_type", "entities[0]"),
        ({"chips": [{"chip": "T1000", "tflops_fp16": "fast", "source": "s"}]}, "bad_decimal", "chips[0]"),
        ({"order": {"rate": "0.2001"}}, "RATE_ABOVE_CEILING", "R-CAP20"),
        ({"order": {"rate": "0.2001"}, "entities": [None]}, "RATE_ABOVE_CEILING", "R-CAP20"),  # the rate comes first
        ({"order": {"rate": 0.2}}, "RATE_NOT_EXACT", "R-CAP20"),
        ({"readings": {"mood": "x"}}, "UNKNOWN_READING", "net_effect"),
        ({"readings": {"related": "1e1000000000"}}, "UNKNOWN_READING_VALUE", "0.25, 0.50"),
        ({"readings": {"uplift": False}}, "UNKNOWN_READING_VALUE", "off, capped, lifted"),
        ({"applications": ["a"], "round": "yinchuan-draft"}, "APPLICATION_INVALID", "item 0"),
        ({"matches": ["m"], "round": "anhui-2024-1"}, "MATCH_INVALID", "R-DC"),
    ],
    ids=str,
)
def test_a_world_that_cannot_be_settled_names_what_is_wrong(changed: dict[Any, Any], code: str, words: str) -> None:
    found, detail = refusal(world() | changed)
    assert found == code
    assert words in detail


@pytest.mark.parametrize(
    ("holdings", "code"),
    [([("p2", "p1", "1.01")], "out_of_range"), ([("p2", "p1", "0.6"), ("p3", "p1", "0.41")], "holdings_above_one")],
)
def test_holdings_above_the_whole_name_the_rule(holdings: list[tuple[str, str, str]], code: str) -> None:
    province = Province().party("p1", "p2", "p3")
    for holder, held, share in holdings:
        province.holds(holder, held, share)
    found, detail = refusal(province.world())
    assert found == code
    assert "R-RELATED" in detail


def test_shares_that_do_not_sum_to_one_name_the_rule() -> None:
    found, detail = refusal(Province().party("p1").facility("f", p1="0.5", p2="0.4").world())
    assert found == "shares_do_not_sum_to_one"
    assert "R-JV" in detail


def test_what_is_no_record_is_refused_alone_as_it_is_over_http() -> None:
    plain = world()
    unknown = {**plain["usage"][0], "id": "r2", "chip": "new"}
    result = run_world({**plain, "usage": [None, [1], "x", *plain["usage"], unknown]})
    assert result["got"]["ingest"] == {"received": 5, "accepted": 1, "duplicate": 0, "conflict": 0, "refused": 4}
    assert result["got"]["lines"][A]["award_fen"] == 1000


def test_a_source_that_is_not_stated_is_the_platform() -> None:
    record = world()["usage"][0]
    result = run_world(world(usage=[record, {**record, "source": None}, {**record, "source": "other"}]))
    assert result["got"]["ingest"] == {"received": 3, "accepted": 2, "duplicate": 1, "conflict": 0, "refused": 0}


@pytest.mark.parametrize(
    "expected",
    [
        "all well",
        {"line": {A: {"award_fen": 1000}}},
        {"lines": [A]},
        {"lines": {A: [1000]}},
        {"lines": {A: {"net_pflops_hours": "ten"}}},
        {"lines": {A: {"reasons": None}}},
        {"lines": {A: {"reasons": "ten"}}},
        {"lines": {A: {"flags": ["NO_EXPENDITURE_EVIDENCE", "NO_EXPENDITURE_EVIDENCE"]}}},
        {"totals": {"award": 1000}},
        {"matches": {"m1": {"award_fen": 0}}},
    ],
    ids=str,
)
def test_an_expectation_that_cannot_hold_is_a_difference(expected: Any) -> None:
    result = run_world(world(expected=expected))
    assert result["got"]["lines"][A]["award_fen"] == 1000
    assert not result["ok"]
    assert len(result["differences"]) == 1


def test_dates_and_off_are_texts_as_written(tmp_path: Path) -> None:
    file = tmp_path / "worlds.yaml"
    file.write_text("- {id: a, readings: {uplift: off}, entities: [{valid_from: 2020-01-01, state_body: false}]}\n")
    (loaded,) = load_worlds(file)
    assert loaded["readings"] == {"uplift": "off"}
    assert loaded["entities"] == [{"valid_from": "2020-01-01", "state_body": False}]


BOMB = "- {id: a, order: &l0 [x, x, x, x, x, x, x, x, x, x]}\n" + "".join(
    f"- {{id: a, order: &l{level} [{', '.join([f'*l{level - 1}'] * 10)}]}}\n" for level in range(1, 9)
)


def read(tmp_path: Path, text: str) -> list[dict[str, Any]]:
    """What a file with one world of this text holds."""
    file = tmp_path / "worlds.yaml"
    file.write_text(text)
    return load_worlds(file)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12:30", "12:30"),
        ("1:2:3", "1:2:3"),
        ("0777", "0777"),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        ("0b1", "0b1"),
        ("1_000", "1_000"),
        ("yes", "yes"),
        ("No", "No"),
        ("on", "on"),
        ("y", "y"),
        ("off", "off"),
        ("2020-01-01", "2020-01-01"),
        (".inf", ".inf"),
        (".NaN", ".NaN"),
        ("=", "="),
        ("<<", "<<"),
        ("00", "00"),
        ("-007", "-007"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("12", 12),
        ("-7", -7),
        ("+7", 7),
        ("0", 0),
        ("0.20", 0.2),
        ("1e3", 1000.0),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
    ],
)
def test_a_scalar_is_what_the_core_schema_says(tmp_path: Path, text: str, value: object) -> None:
    (world,) = read(tmp_path, f"- id: a\n  why: {text}\n")
    assert (world["why"], type(world["why"])) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- {id: a, usage: [{charge_fen: 1, charge_fen: 2}]}", "'charge_fen' is given more than once"),
        ("- {id: a, 'id': b}", "'id' is given more than once"),
        ("- {id: a, 1: x, 1: y}", "more than once"),
        ("- {id: a, order: {<<: {rate: '0.2'}, <<: {rate: '0.1'}}}", "one mapping"),
        ("- {id: a, order: {<<: [{rate: '0.2'}, {rate: '0.1'}]}}", "one mapping"),
        ("- {id: a, order: {<<: 5}}", "one mapping"),
        ("- &a {id: a, why: [*a]}", "holds itself"),
        (BOMB, "values"),
        ("- {id: a, why: !!str 5}", "tags"),
        ("- {id: a, why: !!python/object:os.system x}", "tags"),
        ("- {id: a, ? [1] : 2}", "a key is a text"),
        ("- {id: a}\n---\n- {id: b}", "single document"),
        ("- {id: a, why: " + "[" * 70 + "]" * 70 + "}", "levels"),
        ("- {id: a, why: " + "9" * 5_000 + "}", "digits"),
    ],
    ids=lambda value: value[:40],
)
def test_what_would_silently_mean_something_else_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read(tmp_path, text)


def test_aliases_and_merge_keys_stand_for_what_they_name_and_what_is_stated_goes_before(tmp_path: Path) -> None:
    first, second = read(tmp_path, "- &a {id: a, order: {rate: '0.2'}, why: x}\n- {why: y, <<: *a, id: b}\n")
    assert second == {"id": "b", "order": {"rate": "0.2"}, "why": "y"}
    assert first == {"id": "a", "order": {"rate": "0.2"}, "why": "x"}


@pytest.mark.parametrize("text", ["- {id: a", "id: a", "- [1]", "- {title: a}", "\x00"])
def test_a_file_that_is_none_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "worlds.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"worlds\.yaml"):
        load_worlds(file)
