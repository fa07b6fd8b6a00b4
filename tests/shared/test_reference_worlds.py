"""The reference gives what the shared worlds expect. Without ../shared there is nothing to compare, and it says so."""

import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from tests.reference import settle

WORLDS = Path(__file__).resolve().parents[3] / "shared" / "worlds"


def shared_worlds() -> Iterator[dict[str, Any]]:
    """All worlds of all shared files."""
    for path in sorted(WORLDS.glob("*.yaml")):
        yield from yaml.safe_load(path.read_text(encoding="utf-8"))


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


def test_the_reference_gives_what_the_shared_worlds_expect() -> None:
    """Every world of every file."""
    if not WORLDS.is_dir():
        warnings.warn(f"{WORLDS} is absent, so no shared world was compared with the reference", stacklevel=1)
        return
    worlds = list(shared_worlds())
    assert worlds, f"no world in {WORLDS}"
    failures = {world["id"]: unmet(world) for world in worlds}
    assert not any(failures.values()), {name: found for name, found in failures.items() if found}
