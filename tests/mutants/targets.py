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
DECIDE, WORDS, BOOKING = "meter.journal.write.decide", "settlement.payout.words", "settlement.payout.booking"
FASTER = "a way to the answer that the slow way gives as well: without it, or with less of it, only time is lost"
EQUIVALENT: dict[tuple[str, str, str], str] = {
    (DECIDE, "is_plain", "never not len(candidates)"): "of no candidates all are plain anyway",
    (DECIDE, "is_plain", "not True"): FASTER,
    (DECIDE, "decide", "never not len(known.entries) and is_plain(candidates)"): FASTER,
    (DECIDE, "_resolve_repeats", "Eq to NotEq in candidates['action'] == RECORD"): FASTER,
    (DECIDE, "_resolve_repeats", "BitAnd to BitOr in open_to_question & (candidates['action'] == RECORD)"):
        "what is no repeat is resolved by nothing",
    (DECIDE, "_resolve_repeats", "without not len(rows) in not len(rows) or not len(entries)"): FASTER,
    (DECIDE, "_resolve_repeats", "without Not in not len(rows)"): FASTER,
    (DECIDE, "_resolve_repeats", "1 to 2"): FASTER,
    (DECIDE, "_resolve_repeats", "not False"): FASTER,
    (WORDS, "steps_of", "without word == 'returned' in word == 'returned' and len(moved) > 1"):
        "nothing but a return moves money twice",
    (BOOKING, "Known.of", "Gt to GtE in one['moved_fen'] > 0"): "the store gives movements of money only",
    (BOOKING, "_reference", "BitOr to BitAnd in str | None"): "an annotation",
    (BOOKING, "_once", "Gt to GtE in step.moved_fen > 0"): "what moves nothing has left before",
}  # fmt: skip
"""(module, function, change) -> why no test can notice."""
