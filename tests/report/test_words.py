"""Every code has Chinese words, and there is no word without a code."""

from __future__ import annotations

import re
from pathlib import Path

from settlement.explain.use import RULE_OF_REASON
from settlement.report import WORDS, word_of
from settlement.report.labels import STATUS
from settlement.rounds.reading_table import TABLE
from settlement.rounds.reason_codes import FLAGS, REASONS
from settlement.vocabulary import STATUSES

HAN = re.compile(r"[\u4e00-\u9fff]")
MATCH_REASONS = {"BELOW_400_PFLOPS", "COMPLETED_LATE", "CITY_MONEY_NOT_PROVEN"}


def test_every_reason_and_flag_is_explained_in_chinese() -> None:
    assert set(WORDS) == {*REASONS, *FLAGS, *MATCH_REASONS}
    for code, word in WORDS.items():
        assert word.code == code
        assert HAN.search(word.title), code
        assert HAN.search(word.meaning), code
        assert word.rule, code


def test_the_rules_are_those_the_steps_name() -> None:
    for code, rule in RULE_OF_REASON.items():
        assert WORDS[code].rule == rule


def test_titles_tell_codes_apart() -> None:
    assert len({word.title for word in WORDS.values()}) == len(WORDS)


def test_the_reasons_of_the_match_are_those_the_award_gives() -> None:
    award = Path(__file__).parents[2] / "settlement" / "award" / "centre_match.py"
    assert set(re.findall(r'append\("([A-Z0-9_]+)"\)', award.read_text())) == MATCH_REASONS


def test_every_reading_and_every_state_has_a_name() -> None:
    for reading in TABLE.values():
        labels = [reading.label, *(value.label for value in reading.values)]
        assert all(re.search("[\u4e00-\u9fff]", label) for label in labels), labels
        assert len(set(labels)) == len(labels), "two values read alike"
    assert set(STATUS) == set(STATUSES)


def test_an_unknown_code_is_shown_as_it_is() -> None:
    assert word_of("NEVER_HEARD_OF").title == "NEVER_HEARD_OF"
