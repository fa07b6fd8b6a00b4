"""Lists in portions: `?limit=`, `?cursor=`, and `{"items": [...], "next": cursor or null}`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Query

from api.http.problem import Problem
from api.http.text import all_holdable

LIMIT_MAX = 1000
LIMIT_DEFAULT = 100
CURSOR_CHARACTERS = 2048
TEXT_CHARACTERS = 256

Row = TypeVar("Row")
Mark = TypeVar("Mark")

# the bounds are checked by Page, which answers with a code of its own
Limit = Annotated[
    int, Query(description="How many items at most.", json_schema_extra={"minimum": 1, "maximum": LIMIT_MAX})
]
Cursor = Annotated[str | None, Query(description="The `next` of the portion before; left out for the first.")]

# the parts of a mark, as a cursor carries them
Number = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Text = Annotated[str, msgspec.Meta(max_length=TEXT_CHARACTERS)]
Day = date
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


@dataclass(frozen=True)
class Page:
    """One portion asked for: how many rows, after which mark."""

    limit: int
    cursor: str | None

    @classmethod
    def of(cls, limit: int, cursor: str | None, most: int = LIMIT_MAX) -> Page:
        """Read the query. Raises Problem 400 for a limit out of bounds."""
        if not 1 <= limit <= most:
            raise Problem(400, "bad_request", f"limit must lie between 1 and {most}")
        return cls(limit, cursor or None)

    def after(self, kind: Any, first: Mark) -> Mark:
        """Return the mark to continue after, of the given type; `first` for the first portion.

        Raises Problem 400 `bad_cursor` for a cursor that this list never gave out.
        """
        if self.cursor is None:
            return first
        try:
            if len(self.cursor) > CURSOR_CHARACTERS:
                raise ValueError
            written = base64.urlsafe_b64decode(self.cursor.encode() + b"==")
            found: Mark = msgspec.json.decode(written, type=kind)
        except (ValueError, binascii.Error):  # msgspec's errors are ValueErrors too
            raise Problem(400, "bad_cursor", "the cursor is not one of this list") from None
        if not all_holdable(found) or not _comparable(found):
            raise Problem(400, "bad_cursor", "the cursor is not one of this list")
        return found


def _comparable(mark: object) -> bool:
    """Say whether the database can compare with every instant in a mark: not so in the first and the last year."""
    parts = mark if isinstance(mark, tuple) else (mark,)
    return all(1 < part.year < 9999 for part in parts if isinstance(part, date))


def page_of(
    rows: Sequence[Row], page: Page, mark: Callable[[Row], Any], shape: Callable[[Row], Any] = lambda row: row
) -> dict[str, Any]:
    """Return the answer for rows fetched with one more than the limit."""
    items, more = rows[: page.limit], len(rows) > page.limit
    following = base64.urlsafe_b64encode(msgspec.json.encode(mark(items[-1]))).decode().rstrip("=") if more else None
    return {"items": [shape(row) for row in items], "next": following}


def page_of_all(rows: Sequence[Row], page: Page) -> dict[str, Any]:
    """Return the answer out of a short list that only grows at its end: marks are places in it."""
    first = page.after(Number, 0)
    if first < 0:
        raise Problem(400, "bad_cursor", "the cursor is not one of this list")
    numbered = list(enumerate(rows, 1))[first : first + page.limit + 1]
    return page_of(numbered, page, lambda row: row[0], lambda row: row[1])
