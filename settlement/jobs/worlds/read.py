"""Reading a file of worlds, and the shape of a world."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from meter.uscc import is_uscc
from settlement.errors import SettlementRefused
from settlement.jobs.worlds.strict_yaml import read_yaml
from settlement.numbers.exact import whole_number

World = Mapping[str, Any]
FIELDS = {
    "id", "title", "why", "rules", "round", "order", "readings", "entities", "facilities", "chips", "holdings",
    "expenditures", "usage", "applications", "matches", "settled", "expected",
}  # fmt: skip
REGISTRY = ("entities", "facilities", "chips", "holdings", "expenditures")


def load_worlds(path: Path) -> list[dict[str, Any]]:
    """Return the worlds of a file. Raises ValueError where it does not hold a list of worlds."""
    try:
        loaded = read_yaml(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is not YAML: {error}") from error
    if not isinstance(loaded, list) or not all(isinstance(world, dict) and "id" in world for world in loaded):
        raise ValueError(f"{path.name} does not hold a list of worlds (docs/contract.md, section 6)")
    return loaded


def check_shape(world: World) -> None:
    """Raise SettlementRefused WORLD_INVALID where a world is not of the shape of docs/contract.md, section 6."""

    def require(holds: bool, detail: str) -> None:
        if not holds:
            raise SettlementRefused("WORLD_INVALID", f"{detail} (docs/contract.md, section 6)")

    unknown = sorted(str(name) for name in world if name not in FIELDS)
    require(not unknown, f"a world has no field {', '.join(unknown)}")
    require(isinstance(world.get("round"), str), "a world names its round")
    for name in ("order", "readings", "settled"):
        require(world.get(name) is None or isinstance(world[name], Mapping), f"'{name}' is an object")
    for name in (*REGISTRY, "usage", "applications", "matches"):
        require(world.get(name) is None or isinstance(world[name], list), f"'{name}' is a list")
    settled = world.get("settled")
    if settled is not None:
        lines = settled.get("lines")
        require(set(settled) <= {"lines"}, "'settled' has 'lines' and nothing else")
        require(lines is None or isinstance(lines, Mapping), "'settled.lines' is an object")
        for code, line in (lines or {}).items():
            place = f"settled.lines.{code}"
            require(isinstance(code, str) and is_uscc(code), f"{place}: not a unified social credit code")
            require(isinstance(line, Mapping), f"{place} is an object")
            require(whole_number(line.get("payable_fen")) is not None, f"{place}.payable_fen is whole fen, not below 0")
