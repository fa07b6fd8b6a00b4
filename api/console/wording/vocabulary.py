"""The words of rules, readings, states and cities that settlement owns, told in the language of whoever reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from api.console.language.reader import CHINESE, reader
from api.console.language.text import phrase, words
from meter.days import date_of
from meter.regions import city_code
from settlement.report import labels, reason_words
from settlement.report.reason_words import Word
from settlement.rounds import Round, reading_table

STATUS: Final = words(dict(labels.STATUS))
OUTCOME: Final = words(dict(labels.OUTCOME))
TOTAL: Final = words(dict(labels.TOTAL))
KIND: Final = words(dict(labels.KIND))
PURPOSE: Final = words(dict(labels.PURPOSE))


def word_of(code: str) -> Word:
    """Return the words of a code; one that is not known is shown as it is."""
    word = reason_words.word_of(code)
    return replace(word, kind=phrase(word.kind), title=phrase(word.title), meaning=phrase(word.meaning))


def titles(codes: object) -> str:
    """Return the short names of a line's codes, one after the other."""
    assert isinstance(codes, (list, tuple))
    return phrase("；").join(word_of(str(code)).title for code in codes)


def reading_label(name: str) -> str | None:
    """Return the name of a reading; None where there is no such reading."""
    label = reading_table.reading_label(name)
    return None if label is None else phrase(label)


def reading_text(name: str, value: object) -> tuple[str, str]:
    """Return a reading and its value; what is not known is shown as it is."""
    label, meaning = reading_table.reading_text(name, value)
    return phrase(label), phrase(meaning)


def city_name(of_round: Round, region: str | None) -> str:
    """Return the city of a region as the round's annex names it, else what is known of it."""
    code = city_code(region)
    if not code:
        return phrase("未登记")
    if any(city.code == code for city in of_round.cities):
        return phrase(labels.city_name(of_round, region))
    return phrase("地区{region}", region=region) if code.startswith("34") else phrase("省外地区{region}", region=region)


def window_text(of_round: Round) -> str:
    """Return the days of the window, both inclusive, in Beijing time."""
    if of_round.window is None:
        return phrase("无（征求意见稿）")
    first, end = of_round.window
    return phrase("{first} 至 {last}（含首尾，北京时间）", first=date_of(first), last=date_of(end - 1))


def told_round(of_round: Round) -> Round:
    """Return a round with its title, rules, deadlines and cities in the reader's language; quotes stay as they are."""
    if reader().language == CHINESE:
        return of_round
    return replace(
        of_round,
        title=phrase(of_round.title),
        rules={name: replace(rule, title=phrase(rule.title)) for name, rule in of_round.rules.items()},
        deadlines=tuple(replace(one, title=phrase(one.title)) for one in of_round.deadlines),
        cities=tuple(replace(city, name=phrase(city.name)) for city in of_round.cities),
    )
