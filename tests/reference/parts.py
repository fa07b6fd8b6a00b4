"""Parts of records: one for each local day a record touches (R-WIN, R-UNIT)."""

from dataclasses import dataclass
from fractions import Fraction

from tests.reference.days import day_of, first_second
from tests.reference.facts import Registry
from tests.reference.records import Record


@dataclass(frozen=True)
class Part:
    """What one record used on one local day."""

    consumer: str
    facility: str
    purpose: str | None
    via_platform: bool
    day: int
    quantity: Fraction  # PFLOPS-hours
    charge_fen: int
    region: str  # of the facility on that day
    intelligent: bool
    owners: tuple[tuple[str, Fraction], ...]
    operator: str | None


def cumulative_floor(amount: int, begin: int, end: int, start: int, stop: int) -> int:
    """The part of an amount spread over [start, stop) that falls on [begin, end); floor is towards minus infinity."""
    length = stop - start
    return amount * (end - start) // length - amount * (begin - start) // length


def charge_on(record: Record, begin: int, end: int) -> int:
    """The charge of a record's use on [begin, end), a span of instants that may reach beyond the record."""
    if record.started == record.ended:  # its whole charge belongs to its start
        return record.charge_fen if begin <= record.started < end else 0
    begin, end = max(begin, record.started), min(end, record.ended)
    if begin >= end:
        return 0
    return cumulative_floor(record.charge_fen, begin, end, record.started, record.ended)


def days_touched(record: Record) -> range:
    """The local days of [started, ended); of a record of no length the day of its start."""
    last = record.started if record.started == record.ended else record.ended - 1
    return range(day_of(record.started), day_of(last) + 1)


def parts_of(record: Record, window: range, registry: Registry) -> list[Part]:
    """The parts of a record inside the window."""
    assert record.consumer is not None
    assert record.facility is not None
    parts = []
    first_day = day_of(record.started)
    for day in days_touched(record):
        if day not in window:
            continue
        begin, end = first_second(day), first_second(day + 1)
        seconds = max(0, min(end, record.ended) - max(begin, record.started))
        # Where none rules on a later day of a running record, the last that ruled before stands in.
        chip = registry.chips.last_on(record.chip, first_day, day)
        facility = registry.facilities.last_on(record.facility, first_day, day)
        assert chip is not None
        assert facility is not None
        quantity = record.cards * seconds * Fraction(str(chip["tflops_fp16"])) / 3_600_000
        parts.append(
            Part(
                consumer=record.consumer,
                facility=record.facility,
                purpose=record.purpose,
                via_platform=record.via_platform,
                day=day,
                quantity=quantity,
                charge_fen=charge_on(record, begin, end),
                region=facility["region"],
                intelligent=facility["intelligent"],
                owners=tuple((owner["uscc"], Fraction(str(owner["share"]))) for owner in facility["owners"]),
                operator=facility.get("operator"),
            )
        )
    return parts
