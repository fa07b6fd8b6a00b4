"""Findings as a reviewer reads them: what was seen in the records of a line, by how much, and what proves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from api.console.language.text import phrase, words
from api.console.wording.quantity import shown
from meter.days import SHANGHAI

TITLE: Final[Mapping[str, str]] = words({
    "above_capacity": "超出登记容量", "metered_twice": "疑似重复计量", "price_stray": "单价偏离", "ring": "循环使用",
})  # fmt: skip
A_LINE_MAX = 50
RECORDS_MAX = 20


@dataclass(frozen=True)
class ShownFinding:
    """One finding in the reader's words."""

    title: str
    text: str
    facility: str
    when: str
    records: list[str]
    more: int


@dataclass(frozen=True)
class FindingGroup:
    """All findings of one kind."""

    title: str
    items: list[ShownFinding]
    facilities: list[str]


def grouped(found: Sequence[Mapping[str, Any]]) -> list[FindingGroup]:
    """Return the findings by kind, the kinds with most of them last: a thousand prices hide no ring."""
    kinds: dict[str, list[ShownFinding]] = {}
    for one in shown_findings(found):
        kinds.setdefault(one.title, []).append(one)
    return [
        FindingGroup(title, items, sorted({one.facility for one in items if one.facility}))
        for title, items in sorted(kinds.items(), key=lambda kind: len(kind[1]))
    ]


def shown_findings(found: Sequence[Mapping[str, Any]]) -> list[ShownFinding]:
    """Return the findings one after the other.

    One of a kind that is not known is shown with its numbers as they are.
    """
    return [_shown(one) for one in found]


def counted(found: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return entity code -> how many findings there are about it."""
    count: dict[str, int] = {}
    for one in found:
        for code in {one.get("consumer"), *(one.get("parties") or ())} - {None}:
            count[str(code)] = count.get(str(code), 0) + 1
    return count


def _shown(one: Mapping[str, Any]) -> ShownFinding:
    records = [f"{record['batch']}/{record['ordinal']}" for record in one.get("records") or ()]
    return ShownFinding(
        title=TITLE.get(str(one["kind"]), str(one["kind"])),
        text=_text(one),
        facility=str(one.get("facility") or ""),
        when=phrase("{get} 至 {get_2}", get=_moment(one.get("started_at")), get_2=_moment(one.get("ended_at")))
        if one.get("started_at")
        else "",
        records=records[:RECORDS_MAX],
        more=max(0, len(records) - RECORDS_MAX) + int(one.get("proofs") or 0),
    )


def _text(one: Mapping[str, Any]) -> str:
    found, expected = one.get("found"), one.get("expected")
    match one["kind"]:
        case "above_capacity":
            return phrase(
                "同时使用最多 {found} 卡，登记 {expected} 卡",
                found=_thousandths(found),
                expected=_thousandths(expected),
            )
        case "metered_twice":
            return phrase(
                "一条记录落在同一单位、设施、卡数和订单的另一条之内，可能重复 {found} 卡时", found=_card_hours(found)
            )
        case "price_stray":
            usual = "" if expected is None else phrase("为 {expected} 元", expected=_yuan(expected))
            return phrase("每卡时 {found} 元，", found=_yuan(found)) + (
                phrase("本设施的中位数{usual}", usual=usual) if usual else phrase("与本设施的中位数相差较大")
            )
        case "ring":
            if found is None:
                return phrase("在关联方之间的循环使用之中，由省级复核人员核对")
            parties = " → ".join(str(code) for code in one.get("parties") or ())
            return phrase(
                "关联方之间循环使用（{parties}），相互抵消 {found} P时", parties=parties, found=_petaflops_hours(found)
            )
    return phrase("{found}（对照 {expected}）", found=found, expected=expected)


def _thousandths(value: Any) -> str:
    return shown(Fraction(int(value), 1000), 3).text


def _card_hours(millicard_seconds: Any) -> str:
    return shown(Fraction(int(millicard_seconds), 3_600_000), 3).text


def _petaflops_hours(megaflops_hours: Any) -> str:
    return shown(Fraction(int(megaflops_hours), 10**9), 6).text


def _yuan(thousandths_of_a_fen: Any) -> str:
    return shown(Fraction(int(thousandths_of_a_fen), 100_000), 4).text


def _moment(value: str | None) -> str:
    """Return an instant as the finding has it (RFC 3339), in Beijing time."""
    return "—" if value is None else datetime.fromisoformat(value).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
