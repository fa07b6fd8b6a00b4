"""Every test asserts: itself or by a helper, before any return, and not only in a loop that may never turn."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
Function = ast.FunctionDef | ast.AsyncFunctionDef
RAISING = {"pytest.raises", "pytest.warns", "pytest.fail", "run_state_machine_as_test"}
OF_WHAT_IT_IS_GIVEN = {"enumerate", "zip", "sorted", "reversed", "list", "tuple", "set", "combinations", "product",
                       "items", "keys", "values"}  # fmt: skip


def functions_of(tree: ast.AST) -> list[Function]:
    """Every function of a file, however deep."""
    return [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]


def named(call: ast.Call) -> str:
    """What a call calls, without where it lies."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def asserts_itself(node: ast.AST) -> bool:
    """Whether this very node fails when something is wrong."""
    return isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and ast.unparse(node.func) in RAISING)


def helpers_that_assert(trees: list[ast.AST]) -> set[str]:
    """The names of functions that assert, or call one that does."""
    every = [function for tree in trees for function in functions_of(tree) if not function.name.startswith("test_")]
    calls = {id(one): {named(node) for node in ast.walk(one) if isinstance(node, ast.Call)} for one in every}
    found = {one.name for one in every if any(asserts_itself(node) for node in ast.walk(one))}
    while more := {one.name for one in every if one.name not in found and calls[id(one)] & found}:
        found |= more
    return found


def own(node: ast.AST) -> Iterator[ast.AST]:
    """What is in a function, but not in functions within it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield child
            yield from own(child)


def may_be_empty(loop: ast.AST) -> bool:
    """Whether what is looped over is only known while the test runs, so that it may be nothing."""
    if isinstance(loop, ast.Call):
        given = [*loop.args, *([loop.func.value] if isinstance(loop.func, ast.Attribute) else [])]
        return named(loop) != "range" and (named(loop) not in OF_WHAT_IT_IS_GIVEN or any(map(may_be_empty, given)))
    return isinstance(loop, ast.Await | ast.ListComp) or (
        isinstance(loop, ast.Attribute | ast.Subscript) and may_be_empty(loop.value)
    )


def fault_of(test: Function, helpers: set[str]) -> str:
    """Why a test may be green without having looked at anything; "" when it cannot."""
    asserting = [
        node
        for node in ast.walk(test)
        if asserts_itself(node) or (isinstance(node, ast.Call) and named(node) in helpers)
    ]
    if not asserting:
        return "asserts nothing"
    first = min(node.lineno for node in asserting)  # type: ignore[attr-defined]
    if any(isinstance(node, ast.Return) and node.lineno < first for node in own(test)):
        return "returns before it asserts"
    within = {
        id(node)
        for loop in own(test)
        if isinstance(loop, ast.For | ast.AsyncFor) and may_be_empty(loop.iter)
        for part in loop.body
        for node in ast.walk(part)
    }
    return "asserts only in a loop that may be empty" if all(id(node) in within for node in asserting) else ""


def test_every_test_asserts() -> None:
    trees = {path: ast.parse(path.read_text("utf-8")) for path in TESTS.rglob("*.py")}
    helpers = helpers_that_assert(list(trees.values()))
    tests = [(path, one) for path, tree in trees.items() for one in functions_of(tree) if one.name.startswith("test_")]
    assert len(tests) > 700
    found = {f"{path.relative_to(TESTS)}::{one.name}": fault_of(one, helpers) for path, one in tests}
    assert {name: fault for name, fault in found.items() if fault} == {}


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("def test_a():\n  f()", "asserts nothing"),
        ("def test_a():\n  assert f()", ""),
        ("def test_a():\n  with pytest.raises(E):\n    f()", ""),
        ("def g():\n  assert 1\ndef h():\n  g()\ndef test_a():\n  h()", ""),
        ("def test_a(x):\n  if x:\n    return\n  assert f()", "returns before it asserts"),
        ("def test_a(x):\n  def g():\n    return 1\n  assert f()", ""),
        ("def test_a():\n  for x in f():\n    assert x", "asserts only in a loop that may be empty"),
        ("async def test_a():\n  for x in await f():\n    assert x", "asserts only in a loop that may be empty"),
        ("def test_a():\n  for n, x in enumerate(f()):\n    assert x", "asserts only in a loop that may be empty"),
        ("def test_a():\n  for x in f().items():\n    assert x", "asserts only in a loop that may be empty"),
        ("def test_a():\n  for x in range(3):\n    assert x", ""),
        ("def test_a():\n  for x, y in zip(NAMES, range(3)):\n    assert x", ""),
        ("def test_a():\n  xs = f()\n  assert xs\n  for x in xs:\n    assert x", ""),
    ],
)  # fmt: skip
def test_a_test_that_cannot_fail_is_seen(source: str, fault: str) -> None:
    tree = ast.parse(source)
    test = next(one for one in functions_of(tree) if one.name == "test_a")
    assert fault_of(test, helpers_that_assert([tree])) == fault
