"""Writes what the last run counted into the table of docs/reliability.md: `python -m tests.faults.harness.quoted`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

TOP = Path(__file__).parents[3]
PAGE, FIGURES = TOP / "docs" / "reliability.md", TOP / "tests" / "faults" / "figures.json"
ROW = re.compile(r"^(\| [^|]+ \| )([^|]+)( \| `(parts\.[^`]+)` \|)$", re.MULTILINE)


def quoted(page: str, figures: dict[str, Any]) -> str:
    """Return the page with every figure of its table as it was counted; one that was not counted stays."""

    def row(found: re.Match[str]) -> str:
        value: Any = figures
        for name in found[4].split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return found[0] if value is None else f"{found[1]}{shown(value)}{found[3]}"

    return ROW.sub(row, page)


def shown(value: Any) -> str:
    """Return a figure as the page writes it, five digits and more in groups."""
    return f"{value:,}" if isinstance(value, int) and value > 9999 else str(value)


if __name__ == "__main__":
    PAGE.write_text(quoted(PAGE.read_text("utf-8"), json.loads(FIGURES.read_text("utf-8"))), encoding="utf-8")
