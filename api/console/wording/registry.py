"""Facts of the registry in Chinese: what each says, on which days it is in force, and what a new one would change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from api.console.language.text import later, phrase, words
from meter.days import EVER, NEVER, date_of, end_day, read_date, start_day
from meter.in_force import periods_in_force

ENTRY_KIND: Final = words(
    {"entities": "单位信息", "expenditures": "支出凭证", "facilities": "智算中心", "holdings": "持股"}
)
ENTRY_STATUS: Final = words({"proposed": "待确认", "confirmed": "已登记", "rejected": "未采用"})
EVIDENCE: Final = words(
    {"contract": "合同", "invoice": "发票", "payment": "付款凭证", "public_support": "其他公共资金"}
)
_YES: Final = words({True: "是", False: "否", None: "未登记"})
NEVER_IN_FORCE: Final = later("从未生效：同一起用日期后来又有登记")


@dataclass(frozen=True)
class ShownFact:
    """A fact with its days in words, whether it decides today, and who recorded it."""

    item: Mapping[str, Any]
    days: str
    today: bool
    batch: int
    actor: str
    recorded_at: str
    changed: tuple[str, ...]
    """What it says otherwise than the one before it, by field."""


def shown_facts(facts: Sequence[Mapping[str, Any]], today: int) -> list[ShownFact]:
    """Return the dated facts about one subject in order of recording, each with the days on which it is in force."""
    periods = periods_in_force((*_period(fact["item"]), place) for place, fact in enumerate(facts))
    found, before = [], dict[str, Any]()
    for place, fact in enumerate(facts):
        own = [(start, end) for start, end, which in periods if which == place]
        item = fact["item"]
        changed = [name for name in item.keys() | before.keys() if before and item.get(name) != before.get(name)]
        found.append(
            ShownFact(
                item,
                days_text(own),
                any(start <= today < end for start, end in own),
                fact["batch"],
                fact["actor"],
                fact["recorded_at"],
                tuple(changed),
            )
        )
        before = item
    return found


def what_changes(facts: Sequence[Mapping[str, Any]], item: Mapping[str, Any]) -> str:
    """Return a warning where a fact that is recorded now decides about no day, or only until a later start."""
    place = len(facts)
    dated = [(*_period(fact["item"]), at) for at, fact in enumerate(facts)]
    start, end = _period(item)
    own = [(a, b) for a, b, which in periods_in_force([*dated, (start, end, place)]) if which == place]
    if not own:
        return phrase("这一登记不在任何一天生效，不会改变任何结果。")
    if own[-1][1] < end:
        return phrase(
            "已有起用日期更晚的登记：这一条只在 {own} 生效，{isoformat} 起仍按后来的登记，不会改变。",
            own=days_text(own),
            isoformat=date_of(own[-1][1]).isoformat(),
        )
    return ""


def subject_of(kind: str, item: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return what an entry is about: its name, its code, and its page below the registry's address."""
    if kind == "facilities":
        return item["name"], item["id"], f"facilities/{quote(item['id'])}"
    if kind == "holdings":
        names = phrase("{holder} 持有 {held}", holder=item["holder"], held=item["held"])
        return names, item["held"], f"entities/{quote(item['held'])}"
    code = str(item.get("uscc") or item["consumer"])
    return str(item.get("name") or item.get("id")), code, f"entities/{quote(code)}"


def facts_alike(kind: str, item: Mapping[str, Any], known: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the dated facts among those known that a new one of this kind would stand beside; evidence has none."""
    if kind == "holdings":
        return [one for one in known if (one["item"]["holder"], one["item"]["held"]) == (item["holder"], item["held"])]
    return list(known) if kind in ("entities", "facilities") else []


def days_text(periods: Sequence[tuple[int, int]]) -> str:
    """Return the days on which a fact is in force, both inclusive."""
    return phrase("；").join(_days(start, end) for start, end in periods) or phrase(NEVER_IN_FORCE)


def yes(value: bool | None) -> str:
    """Return a flag in words."""
    return _YES[value]


def _days(start: int, end: int) -> str:
    if end == NEVER:
        return phrase("一直") if start == EVER else phrase("{isoformat} 起", isoformat=date_of(start).isoformat())
    last = date_of(end - 1).isoformat()
    return (
        phrase("{last} 及以前", last=last)
        if start == EVER
        else phrase("{isoformat} 至 {last}", isoformat=date_of(start).isoformat(), last=last)
    )


def _period(item: Mapping[str, Any]) -> tuple[int, int]:
    first, last = ("from", "to") if "held" in item else ("valid_from", "valid_to")
    return start_day(read_date(item.get(first))), end_day(read_date(item.get(last)))
