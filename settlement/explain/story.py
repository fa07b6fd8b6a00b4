"""The steps of a line as they are told, each checked against the line when it is added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from settlement.compute.settlement import Settlement
from settlement.explain.operations import OPERATIONS, Step, Values


class Story:
    """Collects steps and the values they have produced so far."""

    def __init__(self, settlement: Settlement) -> None:
        self.settlement = settlement
        self.readings = settlement.readings.as_dict()
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
        words = self.settlement.round.rules[rule]
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
