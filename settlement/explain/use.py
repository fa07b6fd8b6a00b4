"""The first steps of a line: from all use in the window to the use that counts."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from settlement.explain.operations import Values
from settlement.explain.story import Story
from settlement.numbers.quantities import pflops_hours_text, use_text

RUNNING: Final = ("charges_fen", "use_pflops_hours")
RULE_OF_REASON: Final = {
    "NOT_VIA_PLATFORM": "R-PLATFORM",
    "PURPOSE_NOT_ELIGIBLE": "R-PURPOSE",
    "PURPOSE_NOT_STATED": "R-PURPOSE",
    "OUT_OF_PROVINCE": "R-PROV",
    "NOT_INTELLIGENT_COMPUTE": "R-INTELLIGENT",
    "SELF_BUILT_SELF_USED": "R-SELF",
    "EXTERNAL_SHARE_BELOW_HOLD_THRESHOLD": "R-HOLD-EXTERNAL",
}
READINGS_OF_REASON: Final = {
    "PURPOSE_NOT_STATED": ("purpose_missing",),
    "SELF_BUILT_SELF_USED": ("self_test", "related"),
    "EXTERNAL_SHARE_BELOW_HOLD_THRESHOLD": ("hold_below_external_share", "related"),
}
TITLE_OF_REASON: Final = {
    "NOT_VIA_PLATFORM": "未经平台统一入口的使用不计",
    "PURPOSE_NOT_ELIGIBLE": "用途不符的使用不计",
    "PURPOSE_NOT_STATED": "用途未注明的使用",
    "OUT_OF_PROVINCE": "省外算力不计",
    "NOT_INTELLIGENT_COMPUTE": "非智能算力不计",
    "SELF_BUILT_SELF_USED": "自建自用不计",
    "EXTERNAL_SHARE_BELOW_HOLD_THRESHOLD": "外部使用占比过低，待核",
}


def tell_use(story: Story, row: Values) -> None:
    """Tell the way from all use in the window to the eligible use."""
    parts = story.parts
    by_scheme = story.readings["filter_order"] == "net_then_filter"
    off_platform = sum(part["charge_fen"] for part in parts if part["reason"] == "NOT_VIA_PLATFORM")
    start: dict[str, Any] = {"charges_fen": row["all_charges_fen"] + off_platform}
    if not by_scheme:
        use = Fraction(row["consumed_units"], 10**9) + sum(part["use"] for part in parts)
        start["use_pflops_hours"] = use_text(int(use))
    window = story.setting.round.window_seconds
    assert window is not None, "a draft is told otherwise"
    story.add("R-WIN", "批次期间内的使用", "given", {"from_second": window[0], "to_second": window[1], **start}, {}, {})
    for status in ("excluded", "held"):
        for part in parts:
            if part["status"] == status:
                _leave_out(story, part, by_scheme=by_scheme)
        if status == "excluded":
            story.add(
                "R-BASE",
                "不计部分之外的使用",
                "name",
                {"charges_fen": "released_charges_fen"}
                | ({} if by_scheme else {"use_pflops_hours": "released_consumed_pflops_hours"}),
                _running(story),
                {"released_charges_fen": row["released_charges_fen"]},
            )
    names = {"charges_fen": "eligible_charges_fen"}
    after: dict[str, Any] = {"eligible_charges_fen": row["eligible_charges_fen"]}
    if not by_scheme:
        names["use_pflops_hours"] = "consumed_pflops_hours"
        after["consumed_pflops_hours"] = pflops_hours_text(row["consumed_units"])
    story.add("R-BASE", "计入的使用", "name", names, _running(story), after)
    story.add("R-SPEND", "平台账单总额", "given", {"all_charges_fen": row["all_charges_fen"]}, {}, {})
    if by_scheme:
        given = {
            "consumed_pflops_hours": pflops_hours_text(row["consumed_units"]),
            "released_consumed_pflops_hours": pflops_hours_text(row["released_consumed_units"]),
        }
        title = "先抵后筛：政策范围内的全部平台使用"
        story.add("R-NET", title, "given", given, {}, {}, ("filter_order", "self_test"))


def _running(story: Story) -> dict[str, Any]:
    """Return charges and use as they stand after the last step that changed them."""
    for step in reversed(story.steps):
        if "charges_fen" in step["after"]:
            return {name: step["after"][name] for name in RUNNING if name in step["after"]}
    raise AssertionError("the first step gives charges")


def _leave_out(story: Story, part: Values, *, by_scheme: bool) -> None:
    parameters = {
        "status": part["status"],
        "reason": part["reason"],
        "charge_fen": part["charge_fen"],
        "pflops_hours": use_text(part["use"]),
        "pieces": part["pieces"],
    }
    story.add(
        RULE_OF_REASON[part["reason"]],
        TITLE_OF_REASON[part["reason"]] + ("（待核）" if part["status"] == "held" else ""),
        "leave_out",
        parameters,
        _running(story),
        {},
        (*READINGS_OF_REASON.get(part["reason"], ()), *(("filter_order",) if by_scheme else ())),
    )
