"""A journal in memory: the same decisions without a database, for worlds (docs/contract.md, section 6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from meter.intake.received import Received
from meter.journal.rows.layout import ENTRY, VOID
from meter.journal.write.decide import ACCEPTED, CONFLICT, DUPLICATE, REFUSED, Known, decide


@dataclass(frozen=True)
class Span:
    """A version of a conflicting record: whose it says it is and when (epoch seconds, half-open)."""

    consumer: str
    started: int
    ended: int


class MemoryJournal:
    """Entries in order of arrival; what counts; which records conflict."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(("received", "accepted", "duplicate", "conflict", "refused"), 0)
        self.conflicts: list[tuple[Span | None, Span | None]] = []
        self._entries: dict[bytes, npt.NDArray[np.void]] = {}
        self._corrected: set[bytes] = set()
        self._consumers: dict[str, int] = {}

    def record(self, source: int, received: Received) -> None:
        """Record a delivery of a source (a number of its own)."""
        entries = _candidates(received, source)
        codes = [code.tobytes().decode() for code in received.records["consumer_code"]]
        for row, code in enumerate(codes):
            if entries["action"][row] != VOID:
                entries["consumer"][row] = self._consumers.setdefault(code, len(self._consumers) + 1)
        held = np.concatenate([*self._entries.values(), np.empty(0, ENTRY)]).astype(ENTRY)
        known = Known(held, frozenset(self._corrected))
        decision = decide(entries, known, received.records["event_source"])
        for row, status in enumerate(decision.status.tolist()):
            key = entries["key"][row].tobytes()
            if status == ACCEPTED:
                self._entries[key] = entries[row : row + 1]
                if row in decision.reversals:
                    self._corrected.add(decision.reversals[row]["key"][0].tobytes())
            elif status == CONFLICT:
                self.conflicts.append((self._span(self._entries[key]), self._span(entries[row : row + 1])))
        found = np.bincount(decision.status, minlength=4)
        self.counts["received"] += received.received
        self.counts["accepted"] += int(found[ACCEPTED])
        self.counts["duplicate"] += int(found[DUPLICATE])
        self.counts["conflict"] += int(found[CONFLICT])
        self.counts["refused"] += int(found[REFUSED]) + len(received.refused)

    def counting(self) -> npt.NDArray[np.void]:
        """Return the entries (ENTRY) that count: neither voids nor corrected."""
        rows = [
            entry for key, entry in self._entries.items() if key not in self._corrected and entry["action"][0] != VOID
        ]
        return np.concatenate([*rows, np.empty(0, ENTRY)]).astype(ENTRY)

    def consumers(self) -> dict[str, int]:
        """Return entity code -> the number by which entries name it."""
        return dict(self._consumers)

    def _span(self, entry: npt.NDArray[np.void]) -> Span | None:
        """Return whose version it is and when it came; None for a void, which says neither."""
        if entry["action"][0] == VOID:
            return None
        names = {number: code for code, number in self._consumers.items()}
        row = entry[0]
        return Span(names[int(row["consumer"])], int(row["started_at"]), int(row["ended_at"]))


def _candidates(received: Received, source: int) -> npt.NDArray[np.void]:
    """Return the checked records of a delivery as journal entries (ENTRY); batch is 0, unknown consumers are -1."""
    records = received.records
    entries = np.zeros(len(records), ENTRY)
    entries["ordinal"] = records["index"]
    entries["source"] = source
    for ours, theirs in (("started_at", "started"), ("ended_at", "ended")):
        entries[ours] = records[theirs]
    for name in ("key", "corrects"):
        entries[name] = np.ascontiguousarray(records[name]).view("V16")[:, 0]
    for name in (
        "consumer", "facility", "chip", "millicards", "charge_fen", "purpose", "via_platform", "action",
        "order_digest", "evidence_digest",
    ):  # fmt: skip
        entries[name] = records[name]
    entries["evidence_digest"] ^= records["event_source"]
    return entries
