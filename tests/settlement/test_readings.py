"""Orders and readings are exact and closed: what they cannot mean is refused with its code."""

from fractions import Fraction
from typing import Any

import pytest

from meter.decimals import decimal_text
from settlement.errors import SettlementRefused
from settlement.rounds import load_rounds
from settlement.rounds.reading_table import TABLE, choices
from settlement.rounds.readings import read_order, read_readings

ROUNDS = load_rounds()
ROUND = ROUNDS["anhui-2026"]


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({"rate": "0.2000000001"}, "RATE_ABOVE_CEILING"),
        ({"rate": "-0.01"}, "RATE_NEGATIVE"),
        ({"rate": 0.2}, "RATE_NOT_EXACT"),
        ({"rate": "1e-1"}, "RATE_NOT_EXACT"),
        ({"rate": "NaN"}, "RATE_NOT_EXACT"),
        ({"rate": "-0"}, "RATE_NOT_EXACT"),
        ({"rate": "1e400"}, "RATE_NOT_EXACT"),
        ({"rate": "9" * 5000}, "RATE_NOT_EXACT"),
        ({"rate": "０.2"}, "RATE_NOT_EXACT"),
        ({"rate": "0.1" + "1" * 18}, "RATE_NOT_EXACT"),
        ({"rate": "0.2", "budget_fen": -1}, "BUDGET_NEGATIVE"),
        ({"rate": "0.2", "budget_fen": 1.5}, "BUDGET_NOT_EXACT"),
        ({"rate": "0.2", "budget_fen": True}, "BUDGET_NOT_EXACT"),
        ({"rate": "0.2", "budget_fen": 2**63}, "TOTAL_TOO_LARGE"),
        ({"rate": "0.2", "uplift": "yes"}, "ORDER_WRONG_TYPE"),
        ({"ratio": "0.2"}, "ORDER_UNKNOWN_FIELD"),
    ],
)
def test_an_order_that_cannot_stand_is_refused(order: dict[str, Any], code: str) -> None:
    with pytest.raises(SettlementRefused) as refused:
        read_order(order, ROUND)
    assert refused.value.code == code


def test_null_is_the_field_or_the_switch_left_out() -> None:
    nothing = dict.fromkeys(["rate", "budget_fen", "uplift", "number", "notice_days"])
    assert read_order(nothing, ROUND) == read_order({}, ROUND)
    assert read_readings(dict.fromkeys(TABLE), read_order({}, ROUND), ROUND) == read_readings(
        None, read_order({}, ROUND), ROUND
    )


def test_a_rate_is_exact_and_zero_is_a_rate() -> None:
    assert read_order({"rate": "0.123456789012345678"}, ROUND).rate == Fraction("0.123456789012345678")
    assert read_order({"rate": "0"}, ROUND).rate == 0
    assert read_order({}, ROUND).rate is None


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"net_efect": "gate"}, "UNKNOWN_READING"),
        ({"net_effect": "half"}, "UNKNOWN_READING_VALUE"),
        ({"related": "0.3"}, "UNKNOWN_READING_VALUE"),
        ({"uplift": True}, "UNKNOWN_READING_VALUE"),
        ({"hold_below_external_share": "x"}, "UNKNOWN_READING_VALUE"),
    ],
)
def test_a_reading_that_does_not_exist_is_refused(given: dict[str, Any], code: str) -> None:
    with pytest.raises(SettlementRefused) as refused:
        read_readings(given, read_order({}, ROUND), ROUND)
    assert refused.value.code == code


def test_defaults_come_from_the_round_and_the_order() -> None:
    plain = read_order({}, ROUND)
    assert read_readings(None, plain, ROUND).spend_basis == "settled"
    assert read_readings(None, plain, ROUNDS["anhui-2024-1"]).spend_basis == "least_evidenced"
    assert read_readings(None, read_order({"uplift": True}, ROUND), ROUND).uplift == "capped"
    assert read_readings({"uplift": "off"}, read_order({"uplift": True}, ROUND), ROUND).uplift == "off"


def test_numbers_may_be_spelled_as_numbers() -> None:
    chosen = read_readings({"related": 0.5, "hold_below_external_share": 0}, read_order({}, ROUND), ROUND)
    assert (chosen.related, chosen.hold_below_external_share) == ("0.50", "0")


def test_every_value_of_every_switch_is_taken() -> None:
    for name, values in ((name, choices(name)) for name in TABLE):
        for value in values:
            assert read_readings({name: value}, read_order({}, ROUND), ROUND).as_dict()[name] == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(7, 36), "7/36"),
        (Fraction(-1, 8), "-0.125"),
        (Fraction(1000), "1000"),
        (Fraction(1, 1000), "0.001"),
        (Fraction(0), "0"),
        (Fraction(-7, 3), "-7/3"),
    ],
)
def test_exact_numbers_are_written_exactly(value: Fraction, text: str) -> None:
    assert decimal_text(value) == text
