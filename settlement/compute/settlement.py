"""A settlement as a value: its lines, its totals, what did not count, and the bytes that its digest is over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import polars as pl

from settlement.award.centre_match import MatchLine
from settlement.award.yinchuan import DraftItem
from settlement.rounds import Round
from settlement.rounds.readings import Order, Readings

# Frame -> column -> type; use in 1/3.6e15 PFLOPS-hour.
EXCLUDED_SCHEMA: Final = {
    "uscc": pl.String,
    "status": pl.String,
    "reason": pl.String,
    "use": pl.Int128,
    "charge_fen": pl.Int64,
    "pieces": pl.Int64,
}
FACILITY_SCHEMA: Final = {"facility": pl.String, "all_use": pl.Int128, "outside_use": pl.Int128, "scope": pl.String}
LINES_AT_ONCE: Final = 10_000  # whatever is made of lines is made of so many, so that memory does not grow with them

# What the digest covers of a line, in this order (units: 1/3.6e24 PFLOPS-hour; money: fen).
CANONICAL: Final = (
    "uscc",
    "group",
    "consumed_units",
    "supplied_units",
    "group_consumed_units",
    "group_supplied_units",
    "eligible_expenditure_fen",
    "base_fen",
    "award_fen",
    "held_fen",
    "payable_fen",
    "adjustment_fen",
    "reasons",
    "flags",
)


@dataclass(frozen=True)
class Settlement:
    """One settlement. `lines` sorted by uscc, one row a line: the contract's fields in exact form and every value the
    steps need; `excluded` what did not count or not yet, by uscc and reason; `facilities` the scope of each facility;
    `digest` = algorithm:hex over `canonical_bytes`."""

    round: Round
    order: Order
    readings: Readings
    lines: pl.DataFrame
    totals: dict[str, int]
    excluded: pl.DataFrame
    facilities: pl.DataFrame
    matches: list[MatchLine] = field(default_factory=list)
    drafts: dict[str, list[DraftItem]] = field(default_factory=dict)
    digest: str = ""

    def canonical_bytes(self) -> bytes:
        """Return the bytes the digest is over: a head line (JSON: round's sha256, order, readings, totals, matches,
        items) and one comma-separated line for each entity, columns CANONICAL, sorted by uscc."""
        return b"".join(self.canonical_portions())

    def canonical_portions(self) -> Iterator[bytes]:
        """Yield the same bytes, some thousand lines at a time."""
        head = {
            "round": self.round.id,
            "round_sha256": self.round.sha256,
            "order": self.order.as_dict(),
            "readings": self.readings.as_dict(),
            "totals": self.totals,
            "matches": [match.as_dict() for match in self.matches],
            "items": {uscc: {item.id: item.fen for item in items} for uscc, items in self.drafts.items()},
        }
        text = json.dumps(head, sort_keys=True, ensure_ascii=False, separators=(",", ":")) + "\n"
        yield text.encode()
        columns = [pl.col(name).list.join("|") if name in ("reasons", "flags") else pl.col(name) for name in CANONICAL]
        for some in self.lines.iter_slices(LINES_AT_ONCE):
            yield some.select(columns).write_csv(include_header=False, line_terminator="\n").encode()

    def portions(self) -> Iterator[Settlement]:
        """Yield the settlement in portions of its lines, each with what did not count of them."""
        for some in self.lines.iter_slices(LINES_AT_ONCE):
            yield self._with(some)

    def between(self, first: str, last: str) -> Settlement:
        """Return the portion whose codes lie from one to another, both included."""
        return self._with(_between(self.lines, first, last))

    def _with(self, lines: pl.DataFrame) -> Settlement:
        codes = lines["uscc"]
        some = _between(self.excluded, codes[0], codes[-1]) if lines.height else self.excluded.clear()
        return replace(self, lines=lines, excluded=some)

    def line(self, uscc: str) -> dict[str, Any] | None:
        """Return the row of one entity as a mapping, or None where it has no line."""
        at = self.lines["uscc"].search_sorted(uscc)
        if at >= self.lines.height or self.lines["uscc"][int(at)] != uscc:
            return None
        return self.lines.row(int(at), named=True)

    def parts(self, uscc: str) -> list[dict[str, Any]]:
        """Return the rows of `excluded` of one entity, in the order of exclusions (found by halving: it is sorted)."""
        return _between(self.excluded, uscc, uscc).to_dicts()


def _between(rows: pl.DataFrame, first: str, last: str) -> pl.DataFrame:
    """Return the rows, sorted by code, from one code to another, found by halving."""
    low = int(rows["uscc"].search_sorted(first, "left"))
    return rows.slice(low, int(rows["uscc"].search_sorted(last, "right")) - low)
