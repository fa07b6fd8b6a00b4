"""Verifying keys: no record is in the journal twice, which no index of the database watches over."""

from __future__ import annotations

from dataclasses import dataclass, field

import asyncpg
import numpy as np
import numpy.typing as npt


@dataclass
class Keys:
    """Eight bytes of every key met so far; two records that agree in them are looked at whole."""

    heads: list[npt.NDArray[np.uint64]] = field(default_factory=list)

    def check(self, wire: npt.NDArray[np.void]) -> None:
        """Rows (WIRE) of the next batches."""
        self.heads.append(np.frombuffer(wire["key"].tobytes(), np.uint64)[::2].copy())

    def suspicious(self) -> bool:
        """Whether any two agree."""
        heads = np.concatenate([*self.heads, np.empty(0, np.uint64)])
        self.heads = []
        heads.sort()
        return bool((heads[1:] == heads[:-1]).any())


async def keys_twice(connection: asyncpg.Connection) -> list[tuple[int, int]]:
    """(first batch, a later batch) of every record that stands in the journal again; sorts the whole journal."""
    rows = await connection.fetch(
        "select array_agg(batch order by batch, ordinal) as batches from entry group by key having count(*) > 1"
    )
    return [(row["batches"][0], batch) for row in rows for batch in row["batches"][1:]]
