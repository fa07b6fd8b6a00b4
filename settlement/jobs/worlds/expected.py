"""What a world expects, compared with what it settled to."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

EXPECTED = {"lines", "totals", "ingest", "matches", "refused"}
QUANTITY_SUFFIX = "_pflops_hours"


def compare_expected(expected: Mapping[str, Any], got: Mapping[str, Any]) -> list[str]:
    """Return where `got` differs from what a world expects; fields that are not expected are not compared."""
    wrong = _wrong_expectation(expected)
    if wrong:
        return [wrong]
    if "refused" in expected or "refused" in got:
        wanted, found = expected.get("refused"), got.get("refused")
        return [] if wanted == found else [f"refused: expected {wanted}, got {found}"]
    differences = []
    for name in ("ingest", "totals"):
        for field, value in (expected.get(name) or {}).items():
            found = (got.get(name) or {}).get(field)
            if found != value:
                differences.append(f"{name}.{field}: expected {value}, got {found}")
    for identity, wanted in (expected.get("matches") or {}).items():
        match = (got.get("matches") or {}).get(identity) or {}
        differences += _differing(f"matches.{identity}", wanted or {}, match)
    for uscc, fields in (expected.get("lines") or {}).items():
        line = got["lines"].get(uscc)
        if (line is None) != (fields is None):
            differences.append(f"lines.{uscc}: expected {'no line' if fields is None else 'a line'}")
            continue
        differences += _differing(f"lines.{uscc}", fields or {}, line or {})
    return differences


def _differing(place: str, expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Return the fields of one line or match that are not as expected."""
    return [
        f"{place}.{field}: expected {value}, got {found.get(field)}"
        for field, value in expected.items()
        if not _same(field, value, found.get(field))
    ]


def _wrong_expectation(expected: Any) -> str | None:
    """Return why an expectation cannot be compared, or None; one that says nothing would hold of any outcome."""
    if not isinstance(expected, Mapping):
        return "expected: not an object"
    for name, value in expected.items():
        if name not in EXPECTED:
            return f"expected.{name}: there is no such field"
        if name == "refused":
            continue
        if value is not None and not isinstance(value, Mapping):
            return f"expected.{name}: not an object"
        if name in ("lines", "matches"):
            for subject, fields in (value or {}).items():
                if fields is not None and not isinstance(fields, Mapping):
                    return f"expected.{name}.{subject}: neither an object nor null"
    return None


def _same(field: str, expected: Any, found: Any) -> bool:
    if field.endswith(QUANTITY_SUFFIX):
        try:
            return found is not None and Fraction(str(expected)) == Fraction(found)
        except (ValueError, ZeroDivisionError):
            return False
    if field in ("reasons", "flags"):
        return isinstance(expected, list) and found is not None and sorted(map(str, expected)) == sorted(found)
    return bool(expected == found)
