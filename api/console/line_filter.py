"""Which lines a page is about: city, status, words, order and page number, as the address says them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Depends, Query

from api.console.language.text import words
from settlement.store.line_index import ORDERS

A_PAGE: Final = 50
LONGEST: Final = 64
PAGES_MOST: Final = 100_000
ORDER_WORDS: Final = words({
    "code": "信用代码", "due": "本次应付，多的在前", "award": "补助，多的在前", "held": "待核，多的在前",
    "name": "名称", "city": "所在市",
})  # fmt: skip
assert set(ORDER_WORDS) == set(ORDERS)


@dataclass(frozen=True)
class LineFilter:
    """A filter of lines and where in its list somebody is."""

    region: str = ""
    status: str = ""
    q: str = ""
    sort: str = "code"
    page: int = 1
    reason: str = ""

    def query(self, page: int | None = None) -> str:
        """Return the part of an address that leads to this list, at this or another page; empty for the plain list."""
        chosen = {"region": self.region, "status": self.status, "reason": self.reason, "q": self.q}
        said = {name: value for name, value in chosen.items() if value}
        if self.sort != "code":
            said["sort"] = self.sort
        at = self.page if page is None else page
        return urlencode(said | ({"page": str(at)} if at > 1 else {}))

    @property
    def narrows(self) -> bool:
        """Whether it leaves out lines."""
        return bool(self.region or self.status or self.reason or self.q)

    def within(self, lines: int) -> LineFilter:
        """Return the same at a page that there is."""
        return replace(self, page=min(self.page, max(1, pages_of(lines))))

    def of(self, codes: list[str]) -> list[str]:
        """Return the codes of this page."""
        return codes[(self.page - 1) * A_PAGE : self.page * A_PAGE]


def pages_of(lines: int) -> int:
    """Return how many pages so many lines are."""
    return -(-lines // A_PAGE)


def shown_pages(page: int, last: int) -> list[int | None]:
    """Return the numbers that a list of pages shows: ends, neighbours, and None for a gap."""
    near = sorted({1, 2, page - 1, page, page + 1, last - 1, last} & set(range(1, last + 1)))
    shown: list[int | None] = []
    for number in near:
        if shown and shown[-1] is not None and number - shown[-1] > 1:
            shown.append(None)
        shown.append(number)
    return shown


def asked_lines(
    region: str = "",
    status: str = "",
    q: str = "",
    sort: str = "code",
    page: Annotated[int, Query(ge=1, le=PAGES_MOST)] = 1,
    reason: str = "",
) -> LineFilter:
    """Read the filter out of an address."""
    return LineFilter(region, status, q, sort, page, reason)


Asked = Annotated[LineFilter, Depends(asked_lines)]
