"""A file says what it is, and a function what it does: its docstring begins with a verb, in the imperative."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
CODE = ("meter", "settlement", "api", "migrations", "benchmarks", "tests")
IMPERATIVE = (
    "meter/archive", "meter/audit", "meter/findings", "meter/intake", "meter/jobs", "meter/kernels", "meter/rollup",
    "settlement/award", "settlement/compute", "settlement/explain", "settlement/inputs", "settlement/netting",
    "settlement/numbers", "settlement/review", "settlement/rounds", "api/console/wording", "benchmarks",
)  # fmt: skip
"""Where it is held."""
NO_VERB = re.compile(
    r"""(?:The|A|An|All|Any|Both|Each|Every|Everybody|Everything|How|It|Its|Many|No|Nobody|Nothing|One|Our|Several|Some
    |Something|Such|That|These|This|Those|Three|Two|What|Whatever|When|Where|Whether|Which|Who|Whose|Why|As|By|For|From
    |In|Of|On|To|With|Without|Rows|Lines|Entries|Records|Words|Days|Columns|Raises|Returns|Yields|Gives|Makes|Checks)\b
    |[^A-Za-z]""",
    re.VERBOSE,
)


def nouns_in(source: str) -> Iterator[tuple[str, str]]:
    """Yield the functions of a file whose docstring begins with something else than a verb, with its first words."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        text = ast.get_docstring(node)
        if text and NO_VERB.match(text) and not any("property" in ast.unparse(one) for one in node.decorator_list):
            yield node.name, text[:40]


def test_every_file_says_what_it_is() -> None:
    files = [path for name in CODE for path in (TOP / name).rglob("*.py")]
    assert len(files) > 500
    silent = [str(path.relative_to(TOP)) for path in files if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]
    assert silent == []


def test_the_docstring_of_a_function_begins_with_a_verb() -> None:
    files = [path for name in IMPERATIVE for path in (TOP / name).rglob("*.py")]
    assert len(files) > 150
    found = {str(path.relative_to(TOP)): list(nouns_in(path.read_text("utf-8"))) for path in files}
    assert {name: places for name, places in found.items() if places} == {}


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ('def f():\n    """The sum."""', True), ('def f():\n    """Returns the sum."""', True),
        ('def f():\n    """`note` in its turn."""', True), ('def f():\n    """Return the sum."""', False),
        ('@property\ndef f():\n    """The sum."""', False), ('class F:\n    """A sum."""', False),
        ("def f():\n    return 1", False), ('def f():\n    """Answer what was asked."""', False),
    ],
)  # fmt: skip
def test_a_noun_is_seen(source: str, seen: bool) -> None:
    assert bool(list(nouns_in(source))) == seen
