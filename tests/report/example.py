"""A small settlement in the contract's shapes, with everything a report has to show once."""

from __future__ import annotations

from typing import Any

REASONS_OF_SECOND = ["GROUP_NET_NOT_POSITIVE", "SELF_BUILT_SELF_USED"]


def line(uscc: str, name: str | None, region: str | None, payable_fen: int, **more: Any) -> dict[str, Any]:
    """A line that pays what its award is, unless `more` says otherwise."""
    return {
        "uscc": uscc,
        "name": name,
        "region": region,
        "consumed_pflops_hours": "1000",
        "supplied_pflops_hours": "400",
        "net_pflops_hours": "600",
        "group": uscc,
        "group_consumed_pflops_hours": "1000",
        "group_supplied_pflops_hours": "3607/9",
        "eligible_expenditure_fen": payable_fen * 5,
        "base_fen": payable_fen * 5,
        "award_fen": payable_fen,
        "held_fen": 0,
        "payable_fen": payable_fen,
        "reasons": [],
        "flags": [],
    } | more


def settlement(round_id: str = "anhui-2026", **more: Any) -> dict[str, Any]:
    """A settlement whose totals are those of `lines()`."""
    return {
        "id": f"{round_id}-0001",
        "round": round_id,
        "status": "approved",
        "as_of": 4711,
        "order": {"rate": "0.20", "number": "皖科资〔2026〕1号"},
        "readings": {"net_effect": "proportional", "hold_below_external_share": "0.10", "spend_basis": "settled"},
        "totals": {
            "award_fen": 24_691_357,
            "held_fen": 500,
            "payable_fen": 24_691_357,
            "charge_in_window_fen": 400_000_000,
            "charge_outside_window_fen": 7,
        },
        "digest": "sm3:" + "ab" * 32,
        "created_at": "2026-11-23T10:00:00+00:00",
    } | more


def lines() -> list[dict[str, Any]]:
    """Four seats: two in one city (one in a county of it), one unregistered, one outside the province."""
    return [
        line("91340100MA00000015", "合肥智能科技公司", "340100", 12_345_678),
        line("91340123MA00000021", "合肥县域算法公司", "340123", 1, reasons=["PURPOSE_NOT_STATED"], held_fen=500),
        line("91340200MA0000003X", "芜湖数据公司", "340200", 12_345_678, flags=["NO_EXPENDITURE_EVIDENCE"]),
        line("91340300MA00000047", None, None, 0, reasons=["ENTITY_NOT_IN_REGISTRY"]),
        line("91330100MA00000053", "省外公司", "330100", 0, reasons=REASONS_OF_SECOND),
    ]


def excluded() -> dict[str, list[dict[str, Any]]]:
    """Uncounted use of two of the lines."""
    return {
        "91340123MA00000021": [
            {"status": "held", "reason": "PURPOSE_NOT_STATED", "pflops_hours": "7/36", "charge_fen": 2500, "pieces": 3}
        ],
        "91330100MA00000053": [
            {
                "status": "excluded",
                "reason": "SELF_BUILT_SELF_USED",
                "pflops_hours": "12.5",
                "charge_fen": 99,
                "pieces": 1,
            }
        ],
    }
