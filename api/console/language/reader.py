"""Who reads: the language of the request at hand, the page it stands on, and the cookie that remembers the choice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

CHINESE: Final = "zh"
ENGLISH: Final = "en"
LANGUAGES: Final = (CHINESE, ENGLISH)
LANGUAGE_COOKIE: Final = "suanbu_language"
LANGUAGE_HOURS: Final = 24 * 365
TAG: Final = {CHINESE: "zh-CN", ENGLISH: "en"}
"""What a page says of its language, in HTML's words."""


@dataclass(frozen=True)
class Reader:
    """The language of a reader, and the address to come back to when it is changed."""

    language: str = CHINESE
    here: str = "/console"


NOBODY: Final = Reader()
_READER: ContextVar[Reader] = ContextVar("reader", default=NOBODY)


CHINESE_NAME: Final = "\u4e2d\u6587"  # as it is called in itself, on the English pages


def language_link(language: str) -> str:
    """Return the address that changes the reader's language and comes back to the page at hand."""
    return f"/console/language/{language}?{urlencode({'next': reader().here})}"


def reader() -> Reader:
    """Return who reads what is made now."""
    return _READER.get()


@contextmanager
def read_in(language: str | None, here: str | None = None) -> Iterator[None]:
    """Make what is made inside for a reader of this language; one that is unknown is Chinese."""
    known = language if language in LANGUAGES else CHINESE
    token = _READER.set(Reader(str(known), reader().here if here is None else here))
    try:
        yield
    finally:
        _READER.reset(token)
