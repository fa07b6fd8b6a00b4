"""Every planted bug still fits the code that it is planted in, and names tests that there are."""

from __future__ import annotations

import ast
import re
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


MADE = re.compile(
    r"create (?:or replace )?function (?:public\.)?(\w+)|(?:create|alter) policy (\w+) on (?:public\.)?(\w+)"
)


@pytest.mark.parametrize("bug", [bug for bug in all_bugs() if bug.file.endswith(".sql")], ids=lambda bug: bug.name)
def test_no_later_migration_replaces_what_a_bug_is_planted_in(bug: Bug) -> None:
    """A bug in what is replaced afterwards changes nothing, and surviving would say nothing."""
    file = TOP / bug.file
    text = file.read_text(encoding="utf-8")
    place = text.index(bug.old) + len(bug.old)
    made = [found.groups() for found in MADE.finditer(text) if found.start() < place]
    for later in sorted(file.parent.glob("*.sql")):
        if later.name > file.name and made:
            again = {found.groups() for found in MADE.finditer(later.read_text(encoding="utf-8"))}
            assert made[-1] not in again, later.name


def test_there_are_bugs_of_every_stage_and_no_two_alike() -> None:
    bugs = all_bugs()
    assert len(bugs) >= FEWEST
    assert {bug.stage for bug in bugs} == STAGES
    assert max(Counter((bug.file, bug.old, bug.new) for bug in bugs).values()) == 1
    assert max(Counter(bug.name for bug in bugs).values()) == 1
