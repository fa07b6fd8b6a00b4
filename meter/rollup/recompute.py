"""Rolls a whole archive up, month by month on several threads, in memory that does not grow with it."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

import polars as pl

from meter.rollup import order
from meter.rollup.columns import Entries, measured
from meter.rollup.frames import empty_use
from meter.rollup.order import Held
from meter.rollup.split import FEWEST_PARTS
from meter.rollup.table import AFTER_ALL_DAYS, GroupTable, Scratch, added_up, in_order

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Span:
    """Rows that all start on or after a local day, as functions that load a chunk of them each."""

    first_day: int
    rows: int
    chunks: Iterable[Callable[[], Entries]]


class NotInOrder(ValueError):
    """A row starts before the span it was given in, when its day may already have been handed out."""


def recompute(
    spans: Iterable[Span],
    tail: pl.DataFrame | None = None,
    threads: int = 2,
    progress: Progress | None = None,
) -> Iterator[pl.DataFrame]:
    """Yield the `use` frames of all rows: consecutive days, each day once; laid end to end they equal `roll_up`.

    `spans` are in order of `first_day`: once a span is done, no later row can touch the days before the next one, so
    those are handed out and forgotten. Memory holds a chunk a thread, the groups of two spans, at most twice those of
    days still to come, and those of the `tail` (the `use` frame of entries not yet sealed, of any time). `progress` is
    called with (rows done, rows in all). Raises RowOutOfRange as `roll_up` does, and NotInOrder.
    """
    every = sorted(spans, key=lambda span: span.first_day)
    rows_in_all = sum(span.rows for span in every)
    rows_done = count_rows(progress, rows_in_all)
    left = _held(empty_use() if tail is None else tail)  # of days not yet handed out
    most_rows = max((span.rows for span in every), default=0)
    parts = min(most_rows // 16, 1 << 19)
    # Two sets: while one span is brought into order, the next is already being added up.
    sets = [[GroupTable(parts=parts) for _ in range(max(1, threads))] for _ in range(min(2, len(every)))]
    scratch = Scratch()
    most_left = max(parts, FEWEST_PARTS)
    with ThreadPoolExecutor(max(1, threads)) as pool:
        adding = deque(_add_up_span(span, tables, pool, rows_done) for span, tables in zip(every, sets, strict=False))
        for place, span in enumerate(every):
            tables = sets[place % 2]
            for job in adding.popleft():
                job.result()
            some = [each for table in tables for each in table.held()]
            first_day = min(order.first_day(each.keys) for each in some)
            if first_day < span.first_day:
                raise NotInOrder(f"a row starts on day {first_day}, before its span (day {span.first_day})")
            until = every[place + 1].first_day if place + 1 < len(every) else AFTER_ALL_DAYS
            use, left = in_order([*some, left], scratch, until)
            if len(left.keys) > most_left:  # long records leave the same days of the same series span after span
                left = added_up(left)
                most_left = max(most_left, 2 * len(left.keys))
            if place + 2 < len(every):
                adding.append(_add_up_span(every[place + 2], tables, pool, rows_done))
            if use.height:
                yield use
    if not every and tail is not None and tail.height:
        yield tail


def _held(use: pl.DataFrame) -> Held:
    table = GroupTable()
    table.add_frame(use)
    return table.held()[0]


def recompute_at_once(
    spans: Iterable[Span], tail: pl.DataFrame | None = None, threads: int = 2, progress: Progress | None = None
) -> pl.DataFrame:
    """Return what `recompute` yields as one `use` frame."""
    return pl.concat([empty_use(), *recompute(spans, tail, threads, progress)])


def count_rows(progress: Progress | None, rows_in_all: int) -> Callable[[int], None]:
    """Return a function that adds rows to those done and tells `progress`."""
    done = 0
    alone = Lock()

    def add(rows: int) -> None:
        nonlocal done
        with alone:
            done += rows
            if progress is not None:
                progress(done, rows_in_all)

    return add


def _add_up_span(
    span: Span, tables: Sequence[GroupTable], pool: ThreadPoolExecutor, rows_done: Callable[[int], None]
) -> list[Future[None]]:
    """Begin to add a span to emptied tables, a thread each; every thread takes chunks as it comes by them."""
    todo = deque(span.chunks)

    def work(table: GroupTable) -> None:
        table.clear()
        while todo:
            try:
                load = todo.popleft()
            except IndexError:  # another thread took the last one
                return
            rows = measured(load())
            table.add_entries(rows)
            count = len(rows.sign)
            del rows  # before the next chunk is loaded, which then finds its memory in the cache
            rows_done(count)

    return [pool.submit(work, table) for table in tables]
