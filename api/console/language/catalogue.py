"""The catalogues: one .po file a language beside this file, read once, as gettext's own translations."""

from __future__ import annotations

import gettext
import io
from functools import cache
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from api.console.language.reader import CHINESE

FOLDER: Final = Path(__file__).parent


def catalogue_path(language: str) -> Path:
    """Return where the catalogue of a language is kept."""
    return FOLDER / f"{language}.po"


def catalogue_of(language: str) -> Catalog:
    """Read the catalogue of a language, with what a translator wrote beside each message."""
    with catalogue_path(language).open("rb") as file:
        return read_po(file, locale=language, domain="console")


@cache
def translations(language: str) -> gettext.NullTranslations:
    """Return what translates into a language; Chinese is what the texts are written in."""
    if language == CHINESE:
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, catalogue_of(language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


@cache
def plurals(language: str) -> frozenset[str]:
    """Return the messages that a language says otherwise for one than for many."""
    if language == CHINESE:
        return frozenset()
    return frozenset(str(one.id[0]) for one in catalogue_of(language) if isinstance(one.id, (list, tuple)))
