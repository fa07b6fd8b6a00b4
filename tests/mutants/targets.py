"""What is mutated, and the tests that are to notice; and the mutants that change nothing, each with the reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """Modules that are mutated together, and the tests, in memory, that each mutant is held against."""

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]


SETTLED = (
    "tests/worlds/test_worlds.py", "tests/settlement/test_self_use.py", "tests/settlement/test_groups.py",
    "tests/settlement/test_relation.py", "tests/settlement/test_money.py", "tests/settlement/test_parts.py",
    "tests/settlement/test_readings.py", "tests/settlement/test_draft_and_match.py", "tests/settlement/test_wide.py",
    "tests/mutants/test_random_worlds.py",
)  # fmt: skip
TARGETS = (
    Target("payout", ("settlement.payout.words", "settlement.payout.booking"), ("tests/payout/test_words.py",)),
    Target("journal", ("meter.journal.write.decide",), ("tests/journal/test_decide.py",)),
    Target(
        "award",
        ("settlement.award.exact_line", "settlement.award.budget", "settlement.award.expenditure",
         "settlement.award.gates", "settlement.award.centre_match", "settlement.compute.lines"),
        SETTLED,
    ),
    Target(
        "netting",
        ("settlement.netting.accumulate", "settlement.netting.scope", "settlement.netting.insider_use",
         "settlement.netting.holdings", "settlement.netting.ancestors", "settlement.netting.rows",
         "settlement.netting.set_aside", "settlement.netting.net"),
        SETTLED,
    ),
)  # fmt: skip
EQUIVALENT: dict[tuple[str, str, str], str] = {}
"""(module, function, change) -> why no test can notice."""
