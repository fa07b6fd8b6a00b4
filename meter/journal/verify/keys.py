"""Verifying keys: no record is in the journal twice, which no index of the database watches over."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


@dataclass
class Keys:
    """Eight bytes of every key met so far; two records that agree in them are looked at whole."""

    heads: list[npt.NDArray[np.uint64]] = field(default_factory=list)

    def check(self, wire: npt.NDArray[np.void]) -> None:
        """Take rows (WIRE) of the next batches."""
        self.heads.append(np.frombuffer(wire["key"].tobytes(), np.uint64)[::2].copy())

    def suspicious(self) -> bool:
        """Return whether any two agree."""
        heads = np.concatenate([*self.heads, np.empty(0, np.uint64)])
        self.heads = []
        heads.sort()
        return bool((heads[1:] == heads[:-1]).any())
