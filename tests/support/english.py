"""What of a page is Chinese though its reader reads English: outside elements that say so, and outside known data."""

from __future__ import annotations

import re
from collections.abc import Collection
from html.parser import HTMLParser
from typing import Final

from api.console.language.templates import CHINESE_TEXT

VOID: Final = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
ADDRESSES: Final = ("href", "action", "src", "formaction")


class _Reading(HTMLParser):
    """Reads a page and keeps what stands in no element of Chinese."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, bool]] = []
        self.language = ""
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        own = given.get("lang")
        if tag == "html":
            self.language, own = own or "", None
        chinese = own.startswith("zh") if own else self._chinese()
        if not chinese:
            self.said += [value for name, value in attrs if value and name not in ADDRESSES]
        if tag not in VOID:
            self.open.append((tag, chinese))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not self._chinese():
            self.said.append(data)

    def _chinese(self) -> bool:
        return bool(self.open) and self.open[-1][1]


def chinese_in(html: str, data: Collection[str] = ()) -> list[str]:
    """Return the texts and attributes of an English page that are Chinese; `data` is what was put in by the test."""
    reading = _Reading()
    reading.feed(html)
    assert reading.language == "en", "the page says that it is in another language"
    known = re.compile("|".join(re.escape(one) for one in sorted(data, key=len, reverse=True)) or r"(?!)")
    return [text.strip() for text in reading.said if CHINESE_TEXT.search(known.sub("", text))]
