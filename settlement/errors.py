"""The one exception of the settlement core: a whole settlement that is refused, with its code and the broken rule."""

from __future__ import annotations


class SettlementRefused(Exception):
    """Nothing is settled. `code` is stable and for programs, `detail` says which rule was broken and what to do."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
