"""The rules once more, in plain Python with exact fractions: what every settlement is held against.

In: a world (docs/contract.md, section 6: registry facts, usage in order of arrival, round, order, readings).
Out: `settle(world)`: lines, totals and ingest counts, or `{"refused": CODE}`.
Always: written from docs/rules.md alone, day by day, part by part, with nothing clever, so that a reader with it in
hand can check it line by line; integers and `fractions.Fraction` only.
It does not own speed, storage, steps or the answers of the API; it shares no code with the product.
"""

from tests.reference.settlement import settle

__all__ = ["settle"]
