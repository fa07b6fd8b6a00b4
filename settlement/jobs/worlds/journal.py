"""The usage of a world, taken in like the service takes it in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl

from meter.intake.limits import BATCH_RECORDS
from meter.intake.receive import receive_records
from meter.intake.registry_view.registered import Registered
from meter.journal.memory import MemoryJournal
from meter.rollup.daily import roll_up
from settlement.inputs.frames import COLUMNS


def journal_of(usage: Iterable[object], registered: Registered) -> MemoryJournal:
    """Take in records in order of arrival, one delivery for each run of records of one source."""
    journal = MemoryJournal()
    sources: dict[str, int] = {}
    delivery: list[object] = []
    current = ""

    def deliver() -> None:
        if delivery:
            number = sources.setdefault(current, len(sources) + 1)
            journal.record(number, receive_records(delivery, registered, number))
            delivery.clear()

    for record in usage:
        named = record.get("source") if isinstance(record, dict) else None
        source = "platform" if named is None else str(named)
        if source != current or len(delivery) == BATCH_RECORDS:
            deliver()
            current = source
        if isinstance(record, dict):
            record = {name: value for name, value in record.items() if name != "source"}
        delivery.append(record)
    deliver()
    return journal


def use_of(journal: MemoryJournal, rank: Mapping[str, int]) -> pl.DataFrame:
    """Return the rolled-up use with ranks for parties, facilities and chips."""
    entries = journal.counting()
    numbers = journal.consumers()
    to_rank = np.zeros(len(numbers) + 1, dtype=np.int32)
    for code, number in numbers.items():
        to_rank[number] = rank[code]
    measured = {name: entries[name] for name in ("millicards", "charge_fen", "purpose", "via_platform")} | {
        "consumer": to_rank[entries["consumer"]],
        "facility": entries["facility"] - 1,
        "chip": entries["chip"] - 1,
        "started": entries["started_at"],
        "ended": entries["ended_at"],
    }
    return roll_up(measured).select(list(COLUMNS["use"]))
