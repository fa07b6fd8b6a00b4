"""SQL stands only in stores: files named store, queries or tables, folders named store, meter/database, migrations."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
CODE = ("meter", "settlement", "api")
STORES = {"store.py", "queries.py", "tables.py"}
DATABASE = "meter/database/"
SQL = re.compile(
    r"""\s*(?:
        (?:union\s+all\s+)? select\s+ (?: .*\b(?:from|as|where|exists)\b | [a-z_][a-z_0-9.]*\s*\( )
      | insert\s+into\b
      | update\s+\S+\s+set\b
      | delete\s+from\b
      | truncate\s+(?:table\s+)?[a-z_]+
      | with\s+(?:recursive\s+)?[a-z_][a-z_0-9]*\s*(?:\([^)]*\)\s*)?as\s+(?:(?:not\s+)?materialized\s+)?\(
      | create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+|unique\s+|unlogged\s+)?
        (?:table|index|view|function|role|schema|trigger)\b
      | copy\s+ .* \b(?:from|to)\s+(?:stdin|stdout|')
      | set\s+(?:local\s+)?(?:role|search_path)\b
    )""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)


def strings_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every string constant with its line, an f-string as one with `x` for each value; no docstrings."""
    aside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            aside.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            aside |= {id(part) for part in node.values}
            parts = [part.value if isinstance(part, ast.Constant) else "x" for part in node.values]
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in aside:
            yield node.lineno, node.value


def sql_in(text: str) -> list[int]:
    """The lines of a source on which a string that looks like SQL begins."""
    return [line for line, string in strings_of(ast.parse(text)) if SQL.match(string)]


def files_that_speak_sql() -> dict[str, list[int]]:
    """Every file outside the stores with the lines on which it speaks SQL."""
    found = {}
    for path in sorted(path for folder in CODE for path in (TOP / folder).rglob("*.py")):
        name = path.relative_to(TOP)
        if name.name in STORES or "store" in name.parts[:-1] or str(name).startswith(DATABASE):
            continue
        if lines := sql_in(path.read_text()):
            found[str(name)] = lines
    return found


def test_sql_stands_only_in_stores() -> None:
    found = files_that_speak_sql()
    assert not found, "SQL belongs into the stage's store.py, queries.py or tables.py"


@pytest.mark.parametrize(
    "source",
    [
        'query = "select batch from batch"',
        'query = "SELECT pg_advisory_lock($1)"',
        'query = """\n    with newest as (select 1) select * from newest"""',
        'query = f"select {columns} from entry where batch = {batch}"',
        'query = f"insert into {table} values (1)"',
        'query = ("update entry "\n"set batch = 1")',
        'query = "delete from entry"',
        'query = "create unlogged table copy (n int)"',
        'query = f"copy {table} to stdout (format binary)"',
        'run(text("union all select 1 as one"))',
    ],
)
def test_sql_is_recognised(source: str) -> None:
    assert sql_in(source) == [1]


@pytest.mark.parametrize(
    "source",
    [
        '"""Select what is asked from the rows."""',
        'def f():\n    """With rows as (a, b)."""',
        'detail = "select one of these"',
        'detail = "with this, the share would be above 1"',
        'detail = "delete the file and start again"',
        'detail = "copy of the record"',
        'name = "update"',
        'help = "Create a key, with a name"',
    ],
)
def test_other_sentences_are_not_taken_for_sql(source: str) -> None:
    assert sql_in(source) == []
