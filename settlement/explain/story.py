"""The steps of a line as they are told, each checked against the line when it is added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from settlement.award.yinchuan import DraftItem
from settlement.compute.settlement import Settlement
from settlement.explain.operations import OPERATIONS, Step, Values
from settlement.rounds import Round
from settlement.rounds.readings import Order


@dataclass(frozen=True)
class Setting:
    """What the steps of all lines share; `sum_of_awards_fen` is None for readers who must not see it."""

    round: Round
    order: Order
    readings: Mapping[str, str]
    sum_of_awards_fen: int | None
    drafts: Mapping[str, Sequence[DraftItem]] = field(default_factory=dict)

    @classmethod
    def of(cls, settlement: Settlement) -> Setting:
        """Return the setting of a settlement that has just been computed."""
        return cls(
            settlement.round,
            settlement.order,
            settlement.readings.as_dict(),
            settlement.totals["award_fen"],
            settlement.drafts,
        )


class Story:
    """Collects the steps of one line and the values they have produced so far."""

    def __init__(self, setting: Setting, parts: Sequence[Values]) -> None:
        self.setting = setting
        self.readings = setting.readings
        self.parts = parts
        self.steps: list[Step] = []

    def add(
        self,
        rule: str,
        title: str,
        operation: str,
        parameters: Values,
        before: Values,
        after: Values,
        switches: Sequence[str] = (),
    ) -> None:
        """Append a step; what it produced is what its own operation makes of it, checked against the line."""
        words = self.setting.round.rules[rule]
        computed = OPERATIONS[operation](before, parameters)
        for name, value in after.items():
            assert computed[name] == value, f"{rule}: {name} is {value!r} on the line, {computed[name]!r} by its step"
        self.steps.append(
            {
                "rule": rule,
                "title": title,
                "document": words.source.document,
                "article": words.source.article,
                "quote": words.source.quote,
                "ext": words.source.ext,
                "reading": {name: self.readings[name] for name in switches},
                "operation": operation,
                "parameters": dict(parameters),
                "before": dict(before),
                "after": computed,
            }
        )

    @property
    def last(self) -> dict[str, Any]:
        """What the last step produced."""
        found: dict[str, Any] = self.steps[-1]["after"]
        return found
