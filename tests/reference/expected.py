"""Where the reference does not give what a world expects."""

from fractions import Fraction
from typing import Any

from tests.reference import settle


def unlike_expected(name: str, expected: dict[str, Any], got: dict[str, Any]) -> list[str]:
    """The fields given in which a table is not as expected: numbers exactly, reasons and flags as whole sets."""
    found = []
    for field, value in expected.items():
        mine = got.get(field)
        if field in ("reasons", "flags"):
            same = set(value) == set(mine or [])
        elif field.endswith("_pflops_hours"):
            same = mine is not None and Fraction(str(value)) == Fraction(mine)
        else:
            same = value == mine
        if not same:
            found.append(f"{name}.{field}: expected {value!r}, got {mine!r}")
    return found


def unmet(world: dict[str, Any]) -> list[str]:
    """Where the reference does not give what a world expects."""
    got = settle(world)
    expected = world["expected"]
    if "refused" in expected:
        return [] if got == expected else [f"expected {expected}, got {got}"]
    found = []
    for code, line in (expected.get("lines") or {}).items():
        if line is None:
            found += [f"{code}: has a line"] if code in got["lines"] else []
        elif code not in got["lines"]:
            found.append(f"{code}: has no line")
        else:
            found += unlike_expected(code, line, got["lines"][code])
    for part in ("totals", "ingest"):
        found += unlike_expected(part, expected.get(part) or {}, got[part])
    return found
