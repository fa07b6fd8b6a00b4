"""The changes that a mutant is made by: one place of a function's syntax tree, and what stands there instead."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}  # fmt: skip
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr, ast.Mod: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitXor: ast.BitOr,
}  # fmt: skip
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Mutant:
    """A change of one function: which, on which line, and what changes."""

    module: str
    function: str
    line: int
    change: str
    place: int
    """The how-manieth change of the function it is."""


def functions_of(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    """The functions of a module and of its classes, with their names."""
    for node in tree.body:
        if isinstance(node, Function):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{one.name}", one) for one in node.body if isinstance(one, Function))


def mutants_of(module: str, tree: ast.Module) -> Iterator[Mutant]:
    """Every mutant of a module."""
    for name, function in functions_of(tree):
        for place, (node, told, _) in enumerate(_changes(function)):
            yield Mutant(module, name, node.lineno, told, place)


def mutated(tree: ast.Module, mutant: Mutant) -> ast.Module:
    """The module with one change."""
    changed = copy.deepcopy(tree)
    function = dict(functions_of(changed))[mutant.function]
    _, told, apply = list(_changes(function))[mutant.place]
    assert told == mutant.change
    apply()
    return ast.fix_missing_locations(changed)


Change = tuple[ast.expr | ast.stmt, str, Callable[[], None]]


def _changes(function: Function) -> Iterator[Change]:
    """The changes of a function, in the order of its text; none of its docstring, defaults and annotations."""
    for statement in function.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Raise | ast.Assert | ast.JoinedStr):
                _leave(node)
            elif not getattr(node, "left_alone", False):
                yield from _of_node(node)


def _leave(node: ast.AST) -> None:
    """Leave what an error says, and what is asserted, as it is."""
    for inner in ast.walk(node):
        inner.left_alone = True  # type: ignore[attr-defined]


def _of_node(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Compare):
        for at, operator in enumerate(node.ops):
            for other in COMPARED[type(operator)]:
                told = f"{type(operator).__name__} to {other.__name__} in {ast.unparse(node)}"
                yield node, told, _setter(node.ops, at, other())
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in COMPUTED:
        other_operator = COMPUTED[type(node.op)]
        told = f"{type(node.op).__name__} to {other_operator.__name__} in {ast.unparse(node)}"
        yield node, told, _attribute(node, "op", other_operator())
    elif isinstance(node, ast.BoolOp):
        other_word = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield node, f"the other of and, or in {ast.unparse(node)}", _attribute(node, "op", other_word)
        for at, value in enumerate(node.values):
            told = f"without {ast.unparse(value)} in {ast.unparse(node)}"
            rest = [one for place, one in enumerate(node.values) if place != at]
            yield node, told, _attribute(node, "values", [*rest, copy.deepcopy(rest[-1])][: max(2, len(rest))])
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
        again = ast.UnaryOp(type(node.op)(), node.operand)
        yield node, f"without {type(node.op).__name__} in {ast.unparse(node)}", _attribute(node, "operand", again)
    elif isinstance(node, ast.If | ast.IfExp):
        told = f"never {ast.unparse(node.test)}"
        yield node, told, _attribute(node, "test", ast.Constant(False))
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        yield node, f"{node.value} to {node.value + 1}", _attribute(node, "value", node.value + 1)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield node, f"not {node.value}", _attribute(node, "value", not node.value)


def _setter(values: list[ast.cmpop], at: int, value: ast.cmpop) -> Callable[[], None]:
    def apply() -> None:
        values[at] = value

    return apply


def _attribute(node: ast.AST, name: str, value: object) -> Callable[[], None]:
    def apply() -> None:
        setattr(node, name, value)

    return apply
