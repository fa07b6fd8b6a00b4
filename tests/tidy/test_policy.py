"""Policy is the settlement's: what measures names no rule of it in what it says, and no number of it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
RULE = re.compile(r"\bR-[A-Z][A-Z0-9-]*")
SHARE = re.compile(r"0?\.(?!0*1$)\d+")  # 0.000001 is a precision, not a share
OF_FACTS = {"R-FACTS", "R-UNIT"}  # which fact is in force, and that a rating is never guessed: measuring itself


def said_in(source: str) -> list[str]:
    """The texts of a file that are not docstrings."""
    tree = ast.parse(source)
    described = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described
    ]


def rules_in(source: str) -> set[str]:
    """The rules that a file names in what it says."""
    return {rule for text in said_in(source) for rule in RULE.findall(text)}


def shares_in(source: str) -> set[str]:
    """The shares of one, as texts, that a file holds."""
    return {text for text in said_in(source) if SHARE.fullmatch(text)}


def test_what_measures_names_no_rule_of_the_settlement() -> None:
    files = {str(path.relative_to(TOP)): path.read_text("utf-8") for path in (TOP / "meter").rglob("*.py")}
    assert len(files) > 100
    found = {name: rules_in(source) for name, source in files.items()}
    assert {name: rules - OF_FACTS for name, rules in found.items() if rules - OF_FACTS} == {}
    assert set().union(*found.values()) == OF_FACTS, "an exception that nothing needs"
    registry = [source for name, source in files.items() if name.startswith("meter/registry/")]
    assert len(registry) > 10
    assert set().union(*map(shares_in, registry)) == set()


@pytest.mark.parametrize(
    ("source", "rules", "shares"),
    [
        ("x = 'above (R-JV)'", {"R-JV"}, set()), ("x = f'{1} (R-NORTH-PLACES)'", {"R-NORTH-PLACES"}, set()),
        ('"""R-JV says so."""', set(), set()), ("x = Decimal('0.25')", set(), {"0.25"}), ("# R-JV", set(), set()),
    ],
)  # fmt: skip
def test_a_rule_and_a_share_are_seen(source: str, rules: set[str], shares: set[str]) -> None:
    assert rules_in(source) == rules
    assert shares_in(source) == shares
