"""The receipt of a delivery: what became of each of its records, and in which batch it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from meter.intake.received import Received
from meter.journal.write.decide import ACCEPTED, CONFLICT, DUPLICATE, REFUSED, STATUS_WORDS, Decision
from meter.journal.write.delivery import Delivery


@dataclass
class Receipt:
    """What became of a delivery; `batch` is None only when there was nothing to record and nothing recorded before."""

    received: int
    accepted: int = 0
    duplicate: int = 0
    conflict: int = 0
    refused: int = 0
    batch: int | None = None
    digest: str | None = None
    results: list[dict[str, Any]] = field(default_factory=list)
    accepted_rows: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """Rows of the delivery's checked records that were accepted."""
    delivered: Received | None = None

    @property
    def counts(self) -> dict[str, int]:
        """received = accepted + duplicate + conflict + refused."""
        return {name: getattr(self, name) for name in ("received", "accepted", "duplicate", "conflict", "refused")}

    @property
    def accepted_positions(self) -> list[int]:
        """Positions in the body of what was accepted."""
        if self.delivered is None:
            return []
        found: list[int] = self.delivered.records["index"][self.accepted_rows].tolist()
        return found

    @property
    def accepted_results(self) -> list[dict[str, Any]]:
        """A result for everything accepted, for a client that asks for all of them."""
        if self.delivered is None:
            return []
        names = self.delivered.ids(self.accepted_rows.tolist())
        return [
            {"index": index, "id": name, "status": "accepted"}
            for index, name in zip(self.accepted_positions, names, strict=True)
        ]


def receipt_of(delivery: Delivery, start: int, end: int, decision: Decision) -> Receipt:
    """Make the receipt of a delivery, whose records are start..end of those decided on; its batch is not known yet."""
    status = decision.status[start:end]
    counts = np.bincount(status, minlength=4)
    results = [
        {"index": refusal.index, "id": refusal.id, "status": "refused", "code": str(refusal.code),
         "detail": refusal.detail}
        for refusal in delivery.received.refused
    ]  # fmt: skip
    others = np.flatnonzero(status)
    names = delivery.received.ids(others.tolist())
    for row, name in zip(others.tolist(), names, strict=True):
        position = start + row
        result: dict[str, Any] = {
            "index": int(delivery.received.records["index"][row]),
            "id": name,
            "status": STATUS_WORDS[int(status[row])],
        }
        if position in decision.codes:
            result |= {"code": decision.codes[position], "detail": decision.details[position]}
        results.append(result)
    results.sort(key=_index)
    return Receipt(
        received=delivery.received.received,
        accepted=int(counts[ACCEPTED]),
        duplicate=int(counts[DUPLICATE]),
        conflict=int(counts[CONFLICT]),
        refused=int(counts[REFUSED]) + len(delivery.received.refused),
        results=results,
        accepted_rows=np.flatnonzero(status == ACCEPTED),
        delivered=delivery.received,
    )


def _index(result: dict[str, Any]) -> int:
    return int(result["index"])
