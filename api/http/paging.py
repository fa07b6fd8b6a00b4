"""Lists in portions: `?limit=`, `?cursor=`, and `{"items": [...], "next": cursor or null}`."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from api.http.problem import Problem

LIMIT_MAX = 1000
Row = TypeVar("Row")
Mark = TypeVar("Mark", int, str, tuple[int, int], tuple[str, str], tuple[str, ...])


@dataclass(frozen=True)
class Page:
    """One portion asked for: how many rows, after which mark."""

    limit: int
    mark: Any

    @classmethod
    def of(cls, limit: int, cursor: str | None, most: int = LIMIT_MAX) -> Page:
        """From the query. Raises Problem 400 for a limit or cursor that is none."""
        if not 1 <= limit <= most:
            raise Problem(400, "bad_request", f"limit must lie between 1 and {most}")
        if not cursor:
            return cls(limit, None)
        try:
            return cls(limit, json.loads(base64.urlsafe_b64decode(cursor.encode() + b"==")))
        except (ValueError, binascii.Error):
            raise Problem(400, "bad_cursor", "the cursor is not one of ours") from None

    def after(self, first: Mark) -> Mark:
        """The mark to continue after; `first` for the first portion. Raises Problem 400 when it has another shape."""
        if self.mark is None:
            return first
        found = tuple(self.mark) if isinstance(self.mark, list) else self.mark
        if _kinds(found) != _kinds(first) or not _storable(found):
            raise Problem(400, "bad_cursor", "the cursor is not one of this list")
        return found  # type: ignore[return-value]


def _kinds(mark: Any) -> Any:
    """The type of a mark, part by part."""
    return [type(part) for part in mark] if isinstance(mark, tuple) else type(mark)


def _storable(mark: Any) -> bool:
    """Whether the database can compare with the mark at all."""
    parts = mark if isinstance(mark, tuple) else (mark,)
    return all("\0" not in part if isinstance(part, str) else -(2**63) <= part < 2**63 for part in parts)


def page_of(
    rows: Sequence[Row], page: Page, mark: Callable[[Row], Any], shape: Callable[[Row], Any] = lambda row: row
) -> dict[str, Any]:
    """The answer for rows fetched with one more than the limit."""
    items, more = rows[: page.limit], len(rows) > page.limit
    following = base64.urlsafe_b64encode(json.dumps(mark(items[-1])).encode()).decode().rstrip("=") if more else None
    return {"items": [shape(row) for row in items], "next": following}
