"""What was read of lines and cannot change any more, kept so that a page of a large list comes at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Final

CODES_MOST: Final = 500_000  # of all lists together
ONE_AT_LEAST: Final = 100  # what an answer without a list counts as
Key = tuple[Any, ...]


class Kept:
    """Answers by what they follow from; the ones asked for longest ago go first."""

    def __init__(self, most: int = CODES_MOST) -> None:
        self._most = most
        self._held: OrderedDict[Key, tuple[int, Any]] = OrderedDict()
        self._weight = 0

    async def get(self, key: Key, read: Callable[[], Awaitable[Any]]) -> Any:
        """Return what was read under this key, or what is read now."""
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key][1]
        found = await read()
        weight = ONE_AT_LEAST + (len(found.get("codes", ())) if isinstance(found, dict) else len(found))
        self._held[key] = (weight, found)
        self._weight += weight
        while self._weight > self._most and len(self._held) > 1:
            self._weight -= self._held.popitem(last=False)[1][0]
        return found


LINES: Final = Kept()
"""Of this process. Lines never change once their settlement stands; keys carry its digest and who may see what."""
