"""Every planted bug still fits the code that it is planted in, and names tests that there are."""

from __future__ import annotations

import ast
import tomllib
from collections import Counter

import pytest

from tests.planted.bugs import TOP, Bug, all_bugs

STAGES = {
    "intake", "journal", "keys", "registry", "rollup", "restore", "netting", "award", "steps", "adjustments", "review",
    "approval", "payout", "gateways", "runs", "reconciliation", "jobs", "reports", "row security", "trust", "logins",
    "console", "audit", "checkpoint", "door",
}  # fmt: skip
FEWEST = 60


@pytest.mark.parametrize("bug", all_bugs(), ids=lambda bug: bug.name)
def test_a_planted_bug_fits_the_code(bug: Bug) -> None:
    planted = bug.planted((TOP / bug.file).read_text(encoding="utf-8"))
    assert bug.old != bug.new
    if bug.file.endswith(".py"):
        ast.parse(planted)
    if bug.file.endswith(".toml"):
        tomllib.loads(planted)
    assert bug.tests
    for test in bug.tests:
        file, _, name = test.partition("::")
        assert (TOP / file).exists(), test
        assert not name or f"def {name.partition('[')[0]}(" in (TOP / file).read_text(encoding="utf-8"), test


def test_there_are_bugs_of_every_stage_and_no_two_alike() -> None:
    bugs = all_bugs()
    assert len(bugs) >= FEWEST
    assert {bug.stage for bug in bugs} == STAGES
    assert max(Counter((bug.file, bug.old, bug.new) for bug in bugs).values()) == 1
    assert max(Counter(bug.name for bug in bugs).values()) == 1
