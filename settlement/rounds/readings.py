"""The order that sets rate and budget, and one value for every reading (switch) of the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from meter.decimals import decimal_text, read_decimal
from settlement.errors import SettlementRefused
from settlement.rounds import Round, reading_table
from settlement.rounds.reading_table import DEFAULTS, choices

RATE_DECIMALS: Final = 18
HIGHEST_RATE: Final = Fraction(1, 5)  # a draft names none: an order is checked all the same, though it pays nothing
LARGEST_FEN: Final = 2**63 - 1
NOTICE_DAYS_MAX: Final = 365
NUMBER_CHARACTERS_MAX: Final = 200


@dataclass(frozen=True)
class Order:
    """What the authority orders for a round: the exact rate (None: forecast at the ceiling), budget, uplift, and for
    how many days the outcome is published before it is locked (None: it says nothing)."""

    rate: Fraction | None = None
    budget_fen: int | None = None
    uplift: bool = False
    number: str | None = None
    notice_days: int | None = None

    def as_dict(self) -> dict[str, object]:
        """Return the order in the contract's shape."""
        shown: dict[str, object] = {}
        if self.rate is not None:
            shown["rate"] = decimal_text(self.rate)
        if self.budget_fen is not None:
            shown["budget_fen"] = self.budget_fen
        if self.uplift:
            shown["uplift"] = True
        if self.number is not None:
            shown["number"] = self.number
        if self.notice_days is not None:
            shown["notice_days"] = self.notice_days
        return shown


@dataclass(frozen=True)
class Readings:
    """One value for every switch; which one the caller gave is not part of it (see `read_readings`)."""

    net_effect: str = DEFAULTS["net_effect"]
    supply_owner: str = DEFAULTS["supply_owner"]
    self_test: str = DEFAULTS["self_test"]
    hold_below_external_share: str = DEFAULTS["hold_below_external_share"]
    related: str = DEFAULTS["related"]
    spend_basis: str = DEFAULTS["spend_basis"]
    purpose_missing: str = DEFAULTS["purpose_missing"]
    uplift: str = DEFAULTS["uplift"]
    north_places: str = DEFAULTS["north_places"]
    rounding: str = DEFAULTS["rounding"]
    filter_order: str = DEFAULTS["filter_order"]

    def as_dict(self) -> dict[str, str]:
        """Return all switches with their values."""
        return asdict(self)


def read_order(given: Mapping[str, Any] | Order | None, of_round: Round) -> Order:
    """Check an order (R-CAP20, R-BUDGET). SettlementRefused: RATE_ABOVE_CEILING, RATE_NEGATIVE, RATE_NOT_EXACT,
    BUDGET_NEGATIVE, BUDGET_NOT_EXACT, ORDER_UNKNOWN_FIELD, ORDER_WRONG_TYPE."""
    if given is not None and not isinstance(given, (Order, Mapping)):
        raise SettlementRefused("ORDER_WRONG_TYPE", f'an order is an object such as {{rate: "0.20"}}, not {given!r}')
    order = given if isinstance(given, Order) else _order_of(dict(given or {}))
    if order.rate is not None:
        if order.rate < 0:
            raise SettlementRefused("RATE_NEGATIVE", f"R-CAP20: the rate {decimal_text(order.rate)} is below 0")
        highest = HIGHEST_RATE if of_round.draft else of_round.ceiling
        if order.rate > highest:
            ceiling = decimal_text(highest)
            raise SettlementRefused(
                "RATE_ABOVE_CEILING",
                f"R-CAP20: the rate {decimal_text(order.rate)} is above the ceiling {ceiling} of {of_round.id}",
            )
        if (order.rate * 10**RATE_DECIMALS).denominator != 1:
            raise SettlementRefused("RATE_NOT_EXACT", f"R-CAP20: a rate has at most {RATE_DECIMALS} decimals")
    if order.budget_fen is not None:
        if order.budget_fen < 0:
            raise SettlementRefused("BUDGET_NEGATIVE", f"R-BUDGET: the budget {order.budget_fen} is below 0")
        if order.budget_fen > LARGEST_FEN:
            raise SettlementRefused("TOTAL_TOO_LARGE", "R-BUDGET: the budget does not fit in 63 bits")
    return order


def _order_of(given: dict[str, Any]) -> Order:
    unknown = sorted(map(str, set(given) - {"rate", "budget_fen", "uplift", "number", "notice_days"}))
    if unknown:
        raise SettlementRefused("ORDER_UNKNOWN_FIELD", f"an order has no field '{unknown[0]}'")
    rate = given.get("rate")
    if rate is not None:
        shown, rate = repr(rate)[:80], read_decimal(rate, signed=True)
        if rate is None:
            raise SettlementRefused(
                "RATE_NOT_EXACT", f'R-CAP20: the rate is a decimal string such as "0.20", not {shown}'
            )
    budget = given.get("budget_fen")
    if budget is not None and (not isinstance(budget, int) or isinstance(budget, bool)):
        raise SettlementRefused("BUDGET_NOT_EXACT", f"R-BUDGET: the budget is a whole number of fen, not {budget!r}")
    uplift = False if given.get("uplift") is None else given["uplift"]  # null is the field left out
    if not isinstance(uplift, bool):
        raise SettlementRefused("ORDER_WRONG_TYPE", f"R-NORTH: uplift is true or false, not {uplift!r}")
    number = given.get("number")
    if number is not None and (not isinstance(number, str) or len(number) > NUMBER_CHARACTERS_MAX):
        shown = repr(number)[:80]
        raise SettlementRefused(
            "ORDER_WRONG_TYPE", f"the order's number is a text of up to {NUMBER_CHARACTERS_MAX} characters, not {shown}"
        )
    days = given.get("notice_days")
    if days is not None and (not isinstance(days, int) or isinstance(days, bool) or not 0 <= days <= NOTICE_DAYS_MAX):
        raise SettlementRefused(
            "ORDER_WRONG_TYPE", f"notice_days is a whole number up to {NOTICE_DAYS_MAX}, not {days!r}"
        )
    return Order(rate, budget, uplift, number, days)


def read_readings(given: Mapping[str, Any] | Readings | None, order: Order, of_round: Round) -> Readings:
    """Return every switch with its value: what is given, else what the round and the order say, else the default.

    Refused: UNKNOWN_READING (no such switch), UNKNOWN_READING_VALUE (the switch has no such value).
    """
    if isinstance(given, Readings):
        given = given.as_dict()
    if given is not None and not isinstance(given, Mapping):
        raise SettlementRefused("UNKNOWN_READING", f"readings are an object of switches and values, not {given!r}")
    chosen: dict[str, str] = {}
    for name, value in (given or {}).items():
        if value is None and name in reading_table.TABLE:
            continue  # null is the switch left out
        if name not in reading_table.TABLE:
            raise SettlementRefused(
                "UNKNOWN_READING", f"there is no reading '{name}'; there are {', '.join(reading_table.TABLE)}"
            )
        chosen[name] = _value(name, value)
    if not of_round.draft:
        chosen.setdefault("spend_basis", of_round.spend_basis)
        for name, reading in reading_table.TABLE.items():
            if reading.rule is not None:
                share = decimal_text(Fraction(str(of_round.parameter(reading.rule, "share"))))
                chosen.setdefault(name, _value(name, share))
    # 可 = may: the order turns the uplift on; a reading that is given wins over the order.
    chosen.setdefault("uplift", "capped" if order.uplift else "off")
    return Readings(**chosen)


def _value(name: str, value: object) -> str:
    allowed = choices(name)
    if isinstance(value, str) and value in allowed:
        return value
    if (
        reading_table.TABLE[name].numeric
        and isinstance(value, (str, int, float, Decimal))
        and not isinstance(value, bool)
    ):
        # YAML and JSON spell 0.10 as a number: the shortest decimal of it is what was written.
        number = read_decimal(str(value))
        for choice in allowed:
            if number is not None and number == Fraction(choice):
                return choice
    raise SettlementRefused(
        "UNKNOWN_READING_VALUE", f"the reading '{name}' is one of {', '.join(allowed)}, not {value!r}"
    )


assert tuple(reading_table.TABLE) == tuple(field.name for field in fields(Readings)), (
    "every switch has its choices, in order"
)
