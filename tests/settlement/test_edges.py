"""Edges of netting: two holds on one part, an operator beside a sole owner, a whole company that changes hands."""

from __future__ import annotations

import pytest

from tests.support.build_province import Province, code_of


def test_a_part_with_both_holds_carries_both() -> None:
    made = Province(round="anhui-2025").party("p1", "p2", "p9", kind="enterprise").facility("f1", p1="1")
    day = "2024-11-03"
    made.use("p1", "f1", 95, 9500, day, purpose=None).use("p2", "f1", 5, 500, day, purpose="research")
    line = made.line("p1")
    assert {"PURPOSE_NOT_STATED", "EXTERNAL_SHARE_BELOW_HOLD_THRESHOLD"} <= set(line["reasons"])


@pytest.mark.parametrize(("operator", "supplier"), [("p2", "p2"), (None, "p1")])
def test_under_legal_person_an_operator_supplies_and_else_the_sole_owner(operator: str | None, supplier: str) -> None:
    how = {} if operator is None else {"_operator": operator}
    made = Province().party("p1", "p2", "p3").facility("f1", p1="1", **how).facility("f2", p9="1")
    for name in ("p1", "p2"):
        made.use(name, "f2", 20, 2000)
    made.use("p3", "f1", 10, 1000)
    supplied = {name: made.line(name, supply_owner="legal_person")["supplied_pflops_hours"] for name in ("p1", "p2")}
    assert supplied == {name: "10" if name == supplier else "0" for name in ("p1", "p2")}


def test_a_whole_company_changes_hands_on_a_day() -> None:
    made = Province().party("p1", "p2", "p3").facility("f1", p9="1").use("p1", "f1", 10, 1000)
    made.holds("p2", "p1", "1", None, "2025-11-03").holds("p3", "p1", "1", "2025-11-03", None)
    assert made.line("p1")["award_fen"] == 200
    assert made.line("p1")["group"] == code_of("p3")


def test_what_is_no_enterprise_need_be_no_ai_enterprise() -> None:
    made = Province().party("p1", kind="university", ai_enterprise=False).facility("f1", p9="1")
    line = made.use("p1", "f1", 10, 1000).line("p1")
    assert (line["award_fen"], line["reasons"]) == (200, [])
    made = Province().party("p1", ai_enterprise=False).facility("f1", p9="1")
    assert made.use("p1", "f1", 10, 1000).line("p1")["reasons"] == ["NOT_AI_ENTERPRISE"]


@pytest.mark.parametrize(
    ("end", "flagged"), [("2025-08-16T00:00:00+08:00", False), ("2025-08-16T00:00:01+08:00", True)]
)
def test_a_conflict_that_ends_where_the_window_begins_is_not_in_it(end: str, flagged: bool) -> None:
    made = Province().party("p1").facility("f1", p9="1").use("p1", "f1", 10, 1000)
    for fen in (5, 6):
        made.use("p1", "f1", 1, fen, id="same", started_at="2025-08-15T23:00:00+08:00", ended_at=end)
    assert ("CONFLICT_IN_QUARANTINE" in made.line("p1")["flags"]) is flagged
