"""The catalogue of English: every message of the console is in it and translated, and nothing that is no message."""

from __future__ import annotations

import ast
import re
from string import Formatter

import pytest
from babel.messages.catalog import Message
from jinja2 import Environment

from api.console.language.catalogue import catalogue_of
from api.console.language.extract import CHINESE_FILES, FOLDER, is_translated, messages, unmarked_in
from api.console.language.templates import CHINESE_TEXT, Messages, messages_of

ENGLISH = {str(one.id[0] if isinstance(one.id, (list, tuple)) else one.id): one for one in catalogue_of("en") if one.id}
ONE_OF_BOTH = {"《{title}》{article}", "《{title}》{issuer}"}
"""Titles of documents, which stand in elements of Chinese on English pages too."""
UNMARKED = {"language/reader.py": {"中文"}, "registry_form.py": {"％"}, "wording/steps.py": {"《", "》"}}
"""What is no message: the language's name in itself, marks around a title, a wide percent sign that people type."""


def told(one: Message) -> list[str]:
    """What a message says in English."""
    return [one.string] if isinstance(one.string, str) else list(one.string or ())


def places(text: str) -> set[str]:
    """The named places of a text."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_every_message_of_the_code_is_in_the_catalogue_and_none_is_obsolete() -> None:
    """`python -m api.console.language.extract` adds what is missing and leaves out what is gone."""
    assert sorted(set(messages()) - set(ENGLISH)) == []
    assert sorted(set(ENGLISH) - set(messages())) == []


def test_every_message_is_translated() -> None:
    assert [name for name, one in ENGLISH.items() if not is_translated(one) or one.fuzzy] == []


def test_a_translation_has_the_places_of_its_message() -> None:
    wrong = {
        name: told(one)
        for name, one in ENGLISH.items()
        for text in told(one)
        if "{" in name + text and places(text) != places(name)
    }
    assert wrong == {}


def test_a_translation_is_english_and_no_markup() -> None:
    wrong = [
        text
        for name, one in ENGLISH.items()
        for text in told(one)
        if (CHINESE_TEXT.search(text) and name not in ONE_OF_BOTH) or re.search(r'[<>&"]', text)
    ]
    assert wrong == []


def test_a_message_with_a_plural_begins_with_its_number() -> None:
    """The first place tells one from many, so it must be a count."""
    many = {name: re.search(r"{(\w+)}", name) for name, one in ENGLISH.items() if not isinstance(one.id, str)}
    assert len(many) > 10
    assert [name for name, first in many.items() if first is None] == []


@pytest.mark.parametrize(
    "path", sorted(FOLDER.rglob("*.py")), ids=lambda path: str(path.relative_to(FOLDER)).replace("/", ".")
)
def test_no_chinese_of_the_code_is_left_unmarked(path) -> None:  # type: ignore[no-untyped-def]  # of pytest
    if path.name in CHINESE_FILES:
        return
    name = str(path.relative_to(FOLDER))
    assert set(unmarked_in(ast.parse(path.read_text("utf-8")))) == UNMARKED.get(name, set())


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<p>计算</p>", {"计算"}),
        ("<p>已付 {{ run.paid }} / {{ run.all | length }} 笔</p>", {"已付 {paid} / {all} 笔"}),
        ('<input aria-label="方案 {{ n }}" value="{{ n }}">', {"方案 {n}"}),
        ('{{ "是" if yes else "否" }}', {"是", "否"}),
        ("<b>{{ name }}</b>（{{ code }}）", {"（{code}）"}),
        ("{% if x %}，{{ a.fen }} 与 {{ b.fen }}{% endif %}", {"，{fen} 与 {fen_2}"}),
        ("<p>no Chinese {{ here }}</p>", set()),
    ],
)
def test_texts_of_a_template_are_messages_with_named_places(template: str, found: set[str]) -> None:
    assert messages_of(Environment(autoescape=True, extensions=[Messages]), template) == found


def test_a_template_says_the_same_in_chinese_as_without_the_messages() -> None:
    plain, told_by = Environment(autoescape=True), Environment(autoescape=True, extensions=[Messages])
    source = '<p class="{{ c }}">{{ fen }} 元（{{ "是" if yes else "否" }}）{% if yes %}，{{ name }}{% endif %}</p>'
    values = {"c": "a", "fen": "1", "yes": True, "name": "<b>{x}</b>"}
    assert told_by.from_string(source).render(values) == plain.from_string(source).render(values)
