"""Mutants are what they say: one change each, of code that there is; and those that are excused still exist."""

from __future__ import annotations

import ast

import pytest

from tests.mutants.changes import mutants_of, mutated
from tests.mutants.server import every_mutant, tree_of
from tests.mutants.targets import EQUIVALENT, TARGETS, Target

SAMPLE = """
def judged(a, b):
    'a docstring of 1 word'
    if a < b and not a == 2:
        raise ValueError(f'{a + 1}')
    a += 3
    return a | b if True else a - 1
"""


def test_every_place_of_a_function_is_changed_but_what_an_error_says() -> None:
    tree = ast.parse(SAMPLE)
    told = [mutant.change for mutant in mutants_of("sample", tree)]
    assert {"Lt to LtE in a < b", "Lt to GtE in a < b", "without a < b in a < b and (not a == 2)", "2 to 3",
            "without Not in not a == 2", "Add to Sub in a += 3", "BitOr to BitAnd in a | b", "never True", "1 to 2",
            "Sub to Add in a - 1", "not True", "never a < b and (not a == 2)"} <= set(told)  # fmt: skip
    assert "Add to Sub in a + 1" not in told
    plain = ast.unparse(tree)
    changed = [ast.unparse(mutated(tree, mutant)) for mutant in mutants_of("sample", tree)]
    assert plain not in changed
    assert ast.unparse(tree) == plain, "the tree itself stays as it is"
    assert all(sum(a != b for a, b in zip(plain.splitlines(), one.splitlines(), strict=True)) == 1 for one in changed)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_target_has_many_mutants_and_its_tests_are_there(target: Target) -> None:
    assert len(every_mutant(target)) > 50
    for module in target.modules:
        tree = tree_of(module)
        for mutant in list(mutants_of(module, tree))[::25]:
            compile(mutated(tree, mutant), module, "exec")


def test_mutants_that_nothing_can_notice_are_mutants() -> None:
    every = {(one.module, one.function, one.change) for target in TARGETS for one in every_mutant(target)}
    assert set(EQUIVALENT) - every == set()
    assert all(EQUIVALENT.values())
