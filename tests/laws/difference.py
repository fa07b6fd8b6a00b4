"""Where two results differ: every field of every line, totals, ingest counts."""

from collections.abc import Iterable
from typing import Any

Result = dict[str, Any]

QUANTITIES = (
    "consumed_pflops_hours",
    "supplied_pflops_hours",
    "net_pflops_hours",
    "group_consumed_pflops_hours",
    "group_supplied_pflops_hours",
)
MONEY = ("eligible_expenditure_fen", "base_fen", "award_fen", "held_fen", "payable_fen", "adjustment_fen")
INGEST = ("received", "accepted", "duplicate", "conflict", "refused")


def differences(expected: Result, got: Result) -> list[str]:
    """All differences, as sentences. What the reference does not give (steps, say) is not compared."""
    if "refused" in expected or "lines" not in got:
        same = "refused" in expected and expected["refused"] == got.get("refused")
        return [] if same else [f"expected {brief(expected)}, got {brief(got)}"]
    found = []
    for code in sorted(set(expected["lines"]) | set(got["lines"])):
        if code not in got["lines"]:
            found.append(f"{code}: line missing")
        elif code not in expected["lines"]:
            found.append(f"{code}: line too many: {got['lines'][code]}")
        else:
            found += unlike(code, expected["lines"][code], got["lines"][code])
    for part in ("totals", "ingest"):
        if part in expected:
            found += unlike(part, expected[part], got.get(part) or {})
    for name, match in expected.get("matches", {}).items():
        found += unlike(f"match {name}", match, (got.get("matches") or {}).get(name) or {})
    return found


def unlike(name: str, expected: Result, got: Result, fields: Iterable[str] | None = None) -> list[str]:
    """The fields (all that are expected, and adjustments) in which two tables differ."""
    names = {*expected, *(set(got) & {"adjustment_fen"})} if fields is None else fields
    return [
        f"{name}.{field}: expected {expected.get(field)!r}, got {got.get(field)!r}"
        for field in sorted(names)
        if comparable(expected.get(field)) != comparable(got.get(field))
    ]


def changed(before: Result, after: Result, fields: Iterable[str]) -> list[str]:
    """The fields of lines that both results have in which they differ."""
    found = []
    for code in sorted(set(before["lines"]) & set(after["lines"])):
        found += unlike(code, before["lines"][code], after["lines"][code], list(fields))
    return found


def comparable(value: object) -> object:
    """Reasons and flags are sets."""
    return sorted(value) if isinstance(value, (list, set, tuple)) else value


def brief(result: Result) -> str:
    """A result for a message."""
    return str(result)[:300]
