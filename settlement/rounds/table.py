"""A TOML table read under a closed schema: every key is asked for by its type, and one nobody asks for is an error."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from meter.days import SHANGHAI
from meter.decimals import read_rational
from settlement.errors import SettlementRefused


class Table:
    """A TOML table that remembers which keys were asked for, so that an unknown one is an error."""

    def __init__(self, data: Mapping[str, Any], place: str) -> None:
        self.data = dict(data)
        self.place = place

    def _take(self, key: str, kind: type | tuple[type, ...], name: str) -> Any:
        if key not in self.data:
            raise SettlementRefused("ROUND_MISSING_KEY", f"{self.place}: '{key}' is missing")
        value = self.data.pop(key)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise SettlementRefused("ROUND_WRONG_TYPE", f"{self.place}: '{key}' must be {name}, not {value!r}")
        return value

    def string(self, key: str) -> str:
        value: str = self._take(key, str, "a text")
        if not value.strip():
            raise SettlementRefused("ROUND_WRONG_TYPE", f"{self.place}: '{key}' is empty")
        return value

    def optional_string(self, key: str) -> str | None:
        return self.string(key) if key in self.data else None

    def boolean(self, key: str) -> bool:
        return bool(self._take(key, bool, "true or false"))

    def integer(self, key: str) -> int:
        return int(self._take(key, int, "a whole number"))

    def date(self, key: str) -> datetime.date:
        value = self._take(key, datetime.date, "a date")
        if isinstance(value, datetime.datetime):
            raise SettlementRefused("ROUND_WRONG_TYPE", f"{self.place}: '{key}' must be a date without time")
        assert isinstance(value, datetime.date)
        return value

    def moment(self, key: str) -> datetime.datetime:
        value: datetime.datetime = self._take(key, datetime.datetime, "a local date and time")
        if value.tzinfo is not None:
            raise SettlementRefused(
                "ROUND_WRONG_TYPE", f"{self.place}: '{key}' is local time of Asia/Shanghai, without offset"
            )
        return value.replace(tzinfo=SHANGHAI)

    def fraction(self, key: str) -> Fraction:
        value = self.string(key)
        found = read_rational(value, signed=True)
        if found is None:
            raise SettlementRefused("ROUND_WRONG_TYPE", f"{self.place}: '{key}' is not a number: {value[:80]!r}")
        return found

    def strings(self, key: str) -> tuple[str, ...]:
        value = self._take(key, list, "a list of texts")
        if not all(isinstance(item, str) and item for item in value):
            raise SettlementRefused("ROUND_WRONG_TYPE", f"{self.place}: '{key}' must be a list of texts")
        if len(set(value)) != len(value):
            raise SettlementRefused("ROUND_CONTRADICTION", f"{self.place}: '{key}' names something twice")
        return tuple(value)

    def optional_table(self, key: str) -> Table | None:
        if key not in self.data:
            return None
        return Table(self._take(key, dict, "a table"), f"{self.place}.{key}")

    def tables(self, key: str) -> dict[str, Table]:
        value = self._take(key, dict, "a table of tables")
        place = f"{self.place}.{key}"
        return {name: Table(Table(value, place)._take(name, dict, "a table"), f"{place}.{name}") for name in value}

    def list_of_tables(self, key: str) -> list[Table]:
        value = self._take(key, list, "a list of tables") if key in self.data else []
        if not all(isinstance(item, dict) for item in value):
            raise SettlementRefused("ROUND_WRONG_TYPE", f"{self.place}: '{key}' must be a list of tables")
        return [Table(item, f"{self.place}.{key}[{index}]") for index, item in enumerate(value)]

    def close(self) -> None:
        if self.data:
            raise SettlementRefused("ROUND_UNKNOWN_KEY", f"{self.place}: unknown key '{sorted(self.data)[0]}'")
