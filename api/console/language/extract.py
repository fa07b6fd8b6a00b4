"""Every message of the console: of its code, its templates, and the words that settlement lends it.

`python -m api.console.language.extract` brings the catalogue up to date: new messages are added without a translation,
messages that are gone are left out.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import write_po

from api.console.language.catalogue import catalogue_of, catalogue_path
from api.console.language.reader import CHINESE, LANGUAGES
from api.console.language.templates import CHINESE_TEXT, messages_of
from api.console.template import environment
from settlement import explain
from settlement.report import labels, reason_words
from settlement.rounds import load_rounds, reading_table

FOLDER: Final = Path(__file__).parents[1]
MARKS: Final = ("phrase", "later")
TABLES: Final = "words"
CHINESE_FILES: Final = ("line_file.py", "statement_file.py")
"""What makes files: they are documents in Chinese, whoever asks for them."""


def messages() -> dict[str, str]:
    """Return every message with the first place that has it, in the order of the places."""
    found: dict[str, str] = {}
    for path in sorted(FOLDER.rglob("*.py")):
        if path.name not in CHINESE_FILES:
            for message in marked_in(ast.parse(path.read_text("utf-8"))):
                found.setdefault(message, str(path.relative_to(FOLDER)))
    for path in sorted((FOLDER / "templates").glob("*.html")):
        for message in sorted(messages_of(environment(), path.read_text("utf-8"))):
            found.setdefault(message, str(path.relative_to(FOLDER)))
    for message in lent():
        found.setdefault(message, "settlement")
    return found


def marked_in(tree: ast.AST) -> Iterator[str]:
    """Return the messages that code marks, in its order."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        if node.func.id in MARKS and node.args and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)
        elif node.func.id == TABLES:
            yield from chinese_in(node)


def unmarked_in(tree: ast.Module) -> Iterator[str]:
    """Return the Chinese texts of code that are no messages: what a page would say in Chinese to everybody."""
    said = set(marked_in(tree)) | {ast.get_docstring(node, clean=False) for node in _documented(tree)}
    yield from (text for text in chinese_in(tree) if text not in said)


def _documented(tree: ast.Module) -> Iterator[ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def chinese_in(tree: ast.AST) -> Iterator[str]:
    """Return the Chinese texts of a piece of code, those that describe it left out."""
    described = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in described else None
        if isinstance(text, str) and CHINESE_TEXT.search(text):
            yield text


def lent() -> Iterator[str]:
    """Return the words that settlement lends the pages: states, reasons, readings, titles of steps, rounds, cities."""
    for table in (labels.STATUS, labels.OUTCOME, labels.TOTAL, labels.KIND, labels.PURPOSE):
        yield from table.values()
    for word in reason_words.WORDS.values():
        yield from (word.kind, word.title, word.meaning)
    for reading in reading_table.TABLE.values():
        yield from (reading.label, *(value.label for value in reading.values))
    for path in sorted(Path(str(explain.__file__)).parent.glob("*.py")):
        yield from chinese_in(ast.parse(path.read_text("utf-8")))
    for of_round in load_rounds().values():
        yield of_round.title
        yield from (rule.title for rule in of_round.rules.values())
        yield from (one.title for one in of_round.deadlines)
        yield from (
            value
            for rule in of_round.rules.values()
            for value in rule.parameters.values()
            if isinstance(value, str) and CHINESE_TEXT.search(value)
        )
        yield from (city.name for city in of_round.cities)


def updated(language: str) -> Catalog:
    """Return the catalogue of a language with every message of today and the translations that it has."""
    before = catalogue_of(language) if catalogue_path(language).exists() else Catalog()
    known = {one.id[0] if isinstance(one.id, (list, tuple)) else one.id: one for one in before if one.id}
    made = Catalog(locale=language, domain="console", project="suanbu", fuzzy=False, header_comment="")
    for message, place in messages().items():
        one = known.get(message)
        made.add(one.id if one else message, one.string if one else "", locations=[(place, None)])  # type: ignore[list-item]
    return made


def is_translated(one: Message) -> bool:
    """Return whether a message says something in its language, for one and for many."""
    texts = [one.string] if isinstance(one.string, str) else list(one.string or ())
    return bool(texts) and all(texts)


def main() -> int:
    """Write the catalogues; say how many messages wait for a translation."""
    waiting = 0
    for language in LANGUAGES:
        if language == CHINESE:
            continue
        made = updated(language)
        with catalogue_path(language).open("wb") as file:
            write_po(file, made, width=120, sort_by_file=False, omit_header=False, include_lineno=False)
        waiting += sum(1 for one in made if one.id and not is_translated(one))
    print(f"{waiting} messages wait for a translation")
    return 1 if waiting else 0


if __name__ == "__main__":
    sys.exit(main())
