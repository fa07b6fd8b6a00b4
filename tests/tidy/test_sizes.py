"""No file is over 300 lines and no function over 60 without a reason: a comment `# long: why`.

A file says it on a line of its own, a function on the line of its `def` or on the line above. Kernels are compiled as
one piece and may be as long as they need.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
CODE = ("meter", "settlement", "api", "migrations", "tests", "benchmarks")
FILE_LINES, FUNCTION_LINES = 300, 60
REASON = re.compile(r"#\s*long: \S.{5,}")
OF_THE_FILE = re.compile(r"^# long: \S.{5,}", re.MULTILINE)


def too_long_in(source: str) -> Iterator[tuple[str, int]]:
    """What in a file is too long without a reason: "" for the file itself, or a function's name; with its lines."""
    lines = source.splitlines()
    if len(lines) > FILE_LINES and not OF_THE_FILE.search(source):
        yield "", len(lines)
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _is_kernel(node):
            continue
        assert node.end_lineno is not None
        length = node.end_lineno - node.lineno + 1
        said = "\n".join(lines[max(0, node.lineno - 2) : node.body[0].lineno])
        if length > FUNCTION_LINES and not REASON.search(said):
            yield node.name, length


def _is_kernel(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("kernel" in ast.unparse(decorator) for decorator in node.decorator_list)


def test_no_file_and_no_function_is_long_without_a_reason() -> None:
    files = [path for name in CODE for path in (TOP / name).rglob("*.py")]
    assert len(files) > 400
    found = {str(path.relative_to(TOP)): list(too_long_in(path.read_text("utf-8"))) for path in files}
    assert {name: places for name, places in found.items() if places} == {}


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("x = 1\n" * 300, []),
        ("x = 1\n" * 301, [("", 301)]),
        ("# long: a table that belongs together\n" + "x = 1\n" * 301, []),
        ("# long:\n" + "x = 1\n" * 301, [("", 302)]),
        ("def f():\n" + "    x = 1\n" * 60, [("f", 61)]),
        ("# long: one table after the other\ndef f():\n" + "    x = 1\n" * 60, []),
        ("def f():  # long: one table after the other\n" + "    x = 1\n" * 60, []),
        ("def f():\n" + "    x = 1\n" * 60 + "    # long: too late to be seen\n", [("f", 61)]),
        ("@kernel(inline=True)\ndef f():\n" + "    x = 1\n" * 60, []),
    ],
)
def test_what_is_long_is_seen(source: str, wanted: list[tuple[str, int]]) -> None:
    assert list(too_long_in(source)) == wanted
