"""No test skips itself.

A test that is skipped is green on the machine where it would have failed, and nobody reads why. What a test needs is in
the repository or installed by `make setup`. The one exception is the marker `spark`, which `make test` leaves out by
name and `make test-spark` runs.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
FORBIDDEN = {
    "skip",
    "skipif",
    "importorskip",
    "xfail",
    "skipTest",
    "SkipTest",
    "skipUnless",
    "skipIf",
    "expectedFailure",
}


def skips_in(source: str) -> list[int]:
    """The lines of a file on which a test is told to skip, or to be green while it fails."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Attribute) and node.attr in FORBIDDEN)
        or (isinstance(node, ast.ImportFrom) and any(name.name in FORBIDDEN for name in node.names))
    ]


def test_no_test_skips_itself() -> None:
    found = {str(file.relative_to(TESTS)): skips_in(file.read_text("utf-8")) for file in TESTS.rglob("*.py")}
    assert len(found) > 150
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "line",
    [
        "pytest.skip('no folder')",
        "pytestmark = pytest.mark.skipif(True, reason='')",
        "np = pytest.importorskip('numpy')",
        "@pytest.mark.xfail\ndef test_it(): ...",
        "from pytest import skip",
        "raise unittest.SkipTest('no folder')",
    ],
)
def test_a_skip_is_seen_in_every_spelling(line: str) -> None:
    assert skips_in(line)
