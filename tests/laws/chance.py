"""Seeded choices: one `random.Random` with the few kinds of choice that random worlds are made of."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

Choice = TypeVar("Choice")


class Chance:
    """All randomness of one world."""

    def __init__(self, seed: int) -> None:
        """The same seed gives the same choices."""
        self.random = Random(seed)

    def happens(self, probability: float) -> bool:
        """True with this probability."""
        return self.random.random() < probability

    def number(self, least: int, most: int) -> int:
        """A whole number, both ends included."""
        return self.random.randint(least, most)

    def one(self, choices: Sequence[Choice]) -> Choice:
        """One of these; what is listed twice comes twice as often."""
        return choices[int(self.random.random() * len(choices))]

    def some(self, choices: Sequence[Choice], most: int) -> list[Choice]:
        """Up to `most` different ones, in random order."""
        return self.random.sample(list(choices), min(most, len(choices)))

    def magnitude(self, least_digits: int, most_digits: int) -> int:
        """A positive whole number whose count of digits is evenly spread."""
        digits = self.number(least_digits, most_digits)
        return self.number(10 ** (digits - 1), 10**digits - 1)
