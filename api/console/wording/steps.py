"""A line's steps as the page shows them: title, words, readings, before, formula, after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from api.console.language.text import later, phrase
from api.console.wording.digits import Digits, digits_of
from api.console.wording.formula import formula_of
from api.console.wording.values import Value, values_of
from api.console.wording.vocabulary import reading_text

WAITS: Final = later("（待核）")


@dataclass(frozen=True)
class ShownStep:
    """One step in the reader's words."""

    number: int
    rule: str
    title: str
    source: str
    quote: str
    beyond: str
    readings: list[tuple[str, str]]
    before: list[Value]
    parameters: list[Value]
    formula: str
    after: list[Value]


def shown_steps(steps: Sequence[Mapping[str, Any]], documents: Mapping[str, str]) -> list[ShownStep]:
    """Return the steps one after the other; `documents` are the titles of the round's documents by key."""
    digits = digits_of(steps)
    return [_shown(number, step, documents, digits) for number, step in enumerate(steps, start=1)]


def _title(title: str) -> str:
    """Return what a step is called; the use of a reason may wait."""
    plain = title.removesuffix(WAITS)
    return phrase(plain) + (phrase(WAITS) if plain != title else "")


def _shown(number: int, step: Mapping[str, Any], documents: Mapping[str, str], digits: Digits) -> ShownStep:
    document = step.get("document") or ""
    title = documents.get(document, document)
    article = step.get("article") or ""
    # what a step merely states stands among its results; saying it twice helps nobody
    parameters = {
        name: value
        for name, value in (step.get("parameters") or {}).items()
        if step.get("operation") not in ("given", "name") and name not in (step.get("reading") or {})
    }
    return ShownStep(
        number=number,
        rule=str(step["rule"]),
        title=_title(str(step["title"])),
        source=f"《{title}》{article}" if title else str(article),
        quote=str(step.get("quote") or ""),
        beyond=str(step.get("ext") or ""),
        readings=[reading_text(name, value) for name, value in (step.get("reading") or {}).items()],
        before=values_of(step.get("before") or {}),
        parameters=values_of(parameters),
        formula=formula_of(step, digits),
        after=values_of(step.get("after") or {}),
    )
