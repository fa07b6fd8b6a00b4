"""Texts for the reader: a message in the language of whoever reads, and tables of words that are told in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, SupportsIndex, TypeVar

from markupsafe import Markup

from api.console.language.catalogue import plurals, translations
from api.console.language.reader import reader

_FIRST_PLACE: Final = re.compile(r"{(\w+)}")
Table = TypeVar("Table")
_NUMBER: Final = re.compile(r"[\d,]+")


def phrase(message: str, /, **values: Any) -> str:
    """Return a message in the reader's language, its named places filled."""
    found = translate(message, values)
    return found.format(**values) if values else found


def later(message: str) -> str:
    """Return a message as it is written, for it to be told when somebody reads it: by `phrase`."""
    return message


def marked(message: str, /, **values: Any) -> Markup:
    """Return a message of a template in the reader's language: it is markup, the values in it are escaped."""
    found = Markup(translate(message, values))  # noqa: S704 - a template's own text, or its translation
    return found.format(**values) if values else found


def translate(message: str, values: dict[str, Any] | None = None) -> str:
    """Return a message in the reader's language, its places still empty; one that is in no catalogue as it is.

    Where a language says one otherwise than many, the first place of the message tells which.
    """
    language = reader().language
    if message in plurals(language):
        return translations(language).ngettext(message, message, _count(message, values or {}))
    return translations(language).gettext(message) if message else message


def _count(message: str, values: dict[str, Any]) -> int:
    first = _FIRST_PLACE.search(message)
    text = str(values.get(first[1], "")) if first else ""
    return int(text.replace(",", "")) if _NUMBER.fullmatch(text) else 2


def words(table: Table) -> Table:
    """Return a table of words, however deep, that is told in the language of whoever reads."""
    told: Any = table
    if isinstance(table, dict):
        told = Words({name: words(value) for name, value in table.items()})
    elif type(table) in (tuple, list):
        told = WordList(words(one) for one in table)  # type: ignore[attr-defined]
    return told  # type: ignore[no-any-return]


def _told(value: Any) -> Any:
    return translate(value) if isinstance(value, str) else value


class Words(dict[Any, Any]):
    """Names and what they are called; what is copied out as a whole stays as it was written."""

    def __getitem__(self, name: Any) -> Any:
        return _told(super().__getitem__(name))

    def get(self, name: Any, default: Any = None) -> Any:
        """Return what a name is called; the default is given back as it is."""
        return _told(super().get(name)) if name in self else default

    def items(self) -> Any:
        """Return names and what they are called."""
        return {name: _told(value) for name, value in super().items()}.items()

    def values(self) -> Any:
        """Return what the names are called."""
        return {name: _told(value) for name, value in super().items()}.values()


class WordList(tuple[Any, ...]):
    """Words in a row."""

    __slots__ = ()

    def __getitem__(self, place: SupportsIndex | slice) -> Any:
        found = super().__getitem__(place)
        return WordList(found) if isinstance(place, slice) else _told(found)

    def __iter__(self) -> Iterator[Any]:
        return (_told(one) for one in super().__iter__())
