"""What each part of a record is: window, exclusions in their order, holds (docs/rules.md, sections 1 and 3)."""

from typing import Any

import pytest

from tests.support.build_province import Province, code_of


def hub() -> Province:
    """A strange facility `hub` of p9 in the province, `away` outside it, `plain` without intelligent compute."""
    province = Province().party("p1", "p2", "p9").facility("hub", p9="1")
    province.facility("away", p9="1", _region="320100")
    return province.facility("plain", p9="1", _intelligent="no")


@pytest.mark.parametrize(
    ("facility", "fields", "reason"),
    [
        ("hub", {"via_platform": False}, "NOT_VIA_PLATFORM"),
        ("hub", {"purpose": "commercial"}, "PURPOSE_NOT_ELIGIBLE"),
        ("away", {}, "OUT_OF_PROVINCE"),
        ("plain", {}, "NOT_INTELLIGENT_COMPUTE"),
        ("away", {"purpose": "commercial", "via_platform": False}, "NOT_VIA_PLATFORM"),
        ("away", {"purpose": "commercial"}, "PURPOSE_NOT_ELIGIBLE"),
        ("away", {"purpose": None}, "OUT_OF_PROVINCE"),
    ],
)
def test_the_first_exclusion_that_fits_is_kept(facility: str, fields: dict[str, Any], reason: str) -> None:
    line = hub().use("p1", facility, 30, 9000, **fields).line("p1")
    assert line["reasons"] == sorted([reason, "NO_ELIGIBLE_USE"])
    assert (line["award_fen"], line["held_fen"]) == (0, 0)


@pytest.mark.parametrize(
    ("missing", "facility", "reasons", "award", "held"),
    [
        ("hold", "hub", ["PURPOSE_NOT_STATED"], 200, 600),
        ("refuse", "hub", ["PURPOSE_NOT_STATED"], 200, 0),
        ("accept", "hub", [], 800, 0),
        # refused purpose stands before the province in the order, held purpose after every exclusion
        ("refuse", "away", ["PURPOSE_NOT_STATED"], 200, 0),
        ("hold", "away", ["OUT_OF_PROVINCE"], 200, 0),
    ],
)
def test_a_purpose_that_is_not_stated(missing: str, facility: str, reasons: list[str], award: int, held: int) -> None:
    world = hub().use("p1", "hub", 10, 1000).use("p1", facility, 30, 3000, purpose=None)
    line = world.line("p1", purpose_missing=missing)
    assert (line["reasons"], line["award_fen"], line["held_fen"]) == (reasons, award, held)


def test_2025_allows_and_flags_use_outside_the_province() -> None:
    world = (
        hub()
        .use("p1", "away", 10, 1000, day="2025-02-03")
        .use("p2", "away", 10, 1000, day="2025-02-03", purpose="commercial")
    )
    world.round = "anhui-2025"
    got = world.got()["lines"]
    assert "OUT_OF_PROVINCE_ALLOWED_BY_TEXT" in got[code_of("p1")]["flags"]
    assert got[code_of("p1")]["award_fen"] == 200
    assert "OUT_OF_PROVINCE_ALLOWED_BY_TEXT" not in got[code_of("p2")]["flags"], "an excluded part is not allowed"


def test_a_record_over_the_windows_end_is_cut_by_seconds_and_cumulative_floor() -> None:
    world = hub()
    world.use("p1", "hub", 7, 10, started_at="2026-04-15T21:00:00+08:00", ended_at="2026-04-16T04:00:00+08:00")
    got = world.got()
    line = got["lines"][code_of("p1")]
    assert line["consumed_pflops_hours"] == "21"
    assert got["totals"]["charge_in_window_fen"] == 4  # floor(10 x 3 / 7)
    assert got["totals"]["charge_outside_window_fen"] == 6


def test_a_record_of_no_length_is_in_the_window_iff_its_start_is() -> None:
    world = hub().use(
        "p1",
        "hub",
        0,
        70,
        day="2025-08-16",
        started_at="2025-08-16T00:00:00+08:00",
        ended_at="2025-08-16T00:00:00+08:00",
    )
    world.use("p2", "hub", 0, 70, started_at="2026-04-16T00:00:00+08:00", ended_at="2026-04-16T00:00:00+08:00")
    got = world.got()
    assert got["lines"][code_of("p1")]["reasons"] == ["NET_NOT_POSITIVE"]
    assert code_of("p2") not in got["lines"]
    assert got["totals"]["charge_outside_window_fen"] == 70


def test_the_rating_and_the_place_are_those_of_the_day() -> None:
    world = hub()
    world.chips.append({"chip": "T1000", "tflops_fp16": "500", "source": "corrected", "valid_from": "2025-11-04"})
    world.facility("moves", ("2025-01-01", None), p9="1").facility(
        "moves", ("2025-11-04", None), p9="1", _region="320100"
    )
    world.use("p1", "hub", 10, 10).use("p1", "hub", 10, 10, day="2025-11-04")
    world.use("p2", "moves", 10, 1000).use("p2", "moves", 10, 1000, day="2025-11-04")
    got = world.got()["lines"]
    assert got[code_of("p1")]["consumed_pflops_hours"] == "15"
    assert got[code_of("p2")]["reasons"] == ["OUT_OF_PROVINCE"]
    assert got[code_of("p2")]["award_fen"] == 200


def test_an_ended_fact_stands_in_for_a_record_that_still_runs() -> None:
    world = Province().party("p1", "p9").facility("brief", ("2025-01-01", "2025-11-04"), p9="1")
    world.use("p1", "brief", 2, 480, ended_at="2025-11-05T10:00:00+08:00")
    assert world.line("p1")["consumed_pflops_hours"] == "96"


def test_of_two_facts_with_one_start_the_later_recorded_rules() -> None:
    world = hub().facility("hub", p9="1", _region="320100").use("p1", "hub", 10, 1000)
    assert world.line("p1")["reasons"] == ["NO_ELIGIBLE_USE", "OUT_OF_PROVINCE"]


def test_the_2024_round_asks_no_purpose_but_two_papers() -> None:
    world = (
        hub()
        .use("p1", "hub", 10, 1000, day="2023-05-05", purpose=None)
        .paper("p1", "contract", 1000, ("2023-05-05", "2023-05-05"))
    )
    world.round = "anhui-2024-1"
    line = world.line("p1")
    assert (line["reasons"], line["award_fen"], line["held_fen"]) == (["EVIDENCE_MISSING"], 0, 200)
    line = world.paper("p1", "invoice", 500, ("2023-05-05", "2023-05-05")).line("p1")
    assert (line["reasons"], line["award_fen"], line["held_fen"]) == ([], 100, 0)


def test_conflicts_and_corrections_reach_the_line() -> None:
    world = hub().use("p1", "hub", 10, 1000)
    world.use("p2", "hub", 10, 1000, id="r1")
    world.use("p2", "hub", 5, 500)
    world.use("p2", "hub", 5, 300, corrects="r3", action="replace")
    got = world.got()
    assert got["ingest"] == {"received": 4, "accepted": 3, "duplicate": 0, "conflict": 1, "refused": 0}
    assert "CONFLICT_IN_QUARANTINE" in got["lines"][code_of("p1")]["flags"]
    assert "CONFLICT_IN_QUARANTINE" in got["lines"][code_of("p2")]["flags"]
    assert got["lines"][code_of("p2")]["award_fen"] == 60
