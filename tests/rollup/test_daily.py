"""Each record is split exactly over the local days it touches, and sums are exact or refused."""

from dataclasses import fields, replace
from random import Random
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from meter.rollup.columns import SERIES, measured
from meter.rollup.daily import roll_up
from meter.rollup.frames import USE_KEY, USE_SCHEMA, USE_SUMS, NotAUseFrame, empty_use
from meter.rollup.merge import merge
from meter.rollup.table import GroupTable, RowOutOfRange, Scratch, added_up, frame_of, in_order
from tests.rollup.plain import Row, as_entries, local_day, local_midnight, plain_roll_up
from tests.rollup.strategies import TEN_YEARS, records

DAY = 20_400
MIDNIGHT = local_midnight(DAY)
FOUR_KINDS = as_entries([Row(MIDNIGHT, MIDNIGHT + 1, consumer=name) for name in (1, 2, 3, 4)])


@given(st.lists(records(longest_seconds=60 * 86_400), max_size=25))
@settings(max_examples=300, deadline=None)
def test_a_rollup_equals_the_plain_splitter(rows: list[Row]) -> None:
    frame = roll_up(as_entries(rows))
    assert frame.schema == USE_SCHEMA
    assert frame.rows() == plain_roll_up(rows)


@given(st.lists(records(), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_parts_of_records_of_up_to_ten_years_sum_to_the_whole(rows: list[Row]) -> None:
    frame = roll_up(as_entries(rows))
    assert frame["charge_fen"].sum() == sum(row.sign * row.charge_fen for row in rows)
    assert sum(frame["millicard_seconds"].to_list()) == sum(
        row.sign * row.millicards * (row.ended - row.started) for row in rows
    )
    assert frame["starts"].sum() == sum(row.sign for row in rows)


@given(st.lists(records(longest_seconds=10 * 86_400), max_size=25), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_the_rows_changes_nothing(rows: list[Row], random: Random) -> None:
    shuffled = rows[:]
    random.shuffle(shuffled)
    assert roll_up(as_entries(shuffled)).equals(roll_up(as_entries(rows)))


@given(st.lists(records(longest_seconds=10 * 86_400), max_size=25), st.integers(0, 25))
@settings(max_examples=100, deadline=None)
def test_rolling_up_in_pieces_and_merging_equals_rolling_up_at_once(rows: list[Row], cut: int) -> None:
    pieces = [roll_up(as_entries(rows[:cut])), roll_up(as_entries(rows[cut:]))]
    assert merge(pieces).equals(roll_up(as_entries(rows)))
    tables = [GroupTable(), GroupTable()]
    for table, piece in zip(tables, (rows[:cut], rows[cut:]), strict=True):
        table.add_entries(measured(as_entries(piece)))
    assert frame_of(tables).equals(roll_up(as_entries(rows)))


@given(st.lists(records(), max_size=5))
@settings(max_examples=40, deadline=None)
def test_a_record_and_its_reversal_leave_nothing(rows: list[Row]) -> None:
    entries = as_entries(rows)
    assert merge([roll_up(entries), roll_up(entries, sign=-1)]).is_empty()
    assert roll_up(as_entries([*rows, *(replace(row, sign=-row.sign) for row in rows)])).is_empty()


def test_a_record_up_to_midnight_does_not_touch_the_next_day() -> None:
    frame = roll_up(as_entries([Row(MIDNIGHT - 10, MIDNIGHT, 7)]))
    assert frame["day"].to_list() == [DAY - 1]


def test_one_second_past_midnight_is_one_second_on_the_next_day() -> None:
    frame = roll_up(as_entries([Row(MIDNIGHT - 2, MIDNIGHT + 1, 10, millicards=500)]))
    assert frame.select("day", "millicard_seconds", "charge_fen", "pieces", "starts").rows() == [
        (DAY - 1, 1000, 6, 1, 1),
        (DAY, 500, 4, 1, 0),
    ]


def test_local_midnight_is_sixteen_hours_utc() -> None:
    at_sixteen_utc = 1_767_196_800  # 2025-12-31T16:00:00Z
    frame = roll_up(as_entries([Row(at_sixteen_utc - 1, at_sixteen_utc), Row(at_sixteen_utc, at_sixteen_utc + 1)]))
    assert frame["day"].to_list() == [20_453, 20_454]
    assert local_day(at_sixteen_utc) == 20_454


def test_the_summer_time_that_china_once_had_is_not_applied() -> None:
    """No limit of intake reaches 1986..1991; the years it does reach have days of 86,400 seconds."""
    for day in (DAY, 10_957, 47_481):
        frame = roll_up(as_entries([Row(local_midnight(day), local_midnight(day) + 86_400, millicards=1)]))
        assert frame.select("day", "millicard_seconds").rows() == [(day, 86_400)]


def test_a_record_of_no_length_keeps_its_charge_on_the_day_of_its_start() -> None:
    frame = roll_up(as_entries([Row(MIDNIGHT, MIDNIGHT, 900), Row(MIDNIGHT - 1, MIDNIGHT - 1)]))
    assert frame.select("day", "millicard_seconds", "charge_fen", "pieces", "starts").rows() == [
        (DAY - 1, 0, 0, 1, 1),
        (DAY, 0, 900, 1, 1),
    ]


def test_the_largest_record_intake_accepts_is_split_exactly() -> None:
    largest = Row(MIDNIGHT + 1, MIDNIGHT + 1 + TEN_YEARS, 10**15, millicards=10**9)
    frame = roll_up(as_entries([largest]))
    assert frame.rows() == plain_roll_up([largest])
    assert frame.height == 3661


def test_entries_may_be_big_endian_have_further_fields_or_be_a_mapping_of_columns() -> None:
    entries = as_entries([Row(MIDNIGHT - 50, MIDNIGHT + 50, 11), Row(MIDNIGHT, MIDNIGHT + 9, 3, sign=-1)])
    expected = roll_up(entries)
    names = [field.name for field in fields(Row)]
    wide = np.zeros(2, [("key", "V16"), *((name, entries.dtype[name].newbyteorder(">")) for name in names)])
    for name in names:
        wide[name] = entries[name]
    assert roll_up(wide).equals(expected)
    assert roll_up({name: entries[name] for name in names}).equals(expected)


def test_no_rows_are_an_empty_frame() -> None:
    assert roll_up(as_entries([])).equals(empty_use())
    assert merge([]).equals(empty_use())


def test_many_series_and_days_outgrow_the_first_table() -> None:
    rows = [Row(MIDNIGHT + 86_400 * (n % 7), MIDNIGHT + 86_400 * (n % 7) + 5, 1, consumer=n) for n in range(30_000)]
    frame = roll_up(as_entries(rows))
    assert frame.height == 30_000
    assert frame.equals(frame.sort(USE_KEY))
    assert frame["charge_fen"].sum() == 30_000


def test_neighbouring_rows_of_other_series_are_told_apart_wherever_they_stand() -> None:
    for name in ("consumer", "facility", "chip", "purpose", "via_platform"):
        rows = as_entries([Row(MIDNIGHT, MIDNIGHT + 1, 1, purpose=0, via_platform=False)] * 9_000)
        series = np.arange(9_000) // 64 % (3 if name == "purpose" else 2)
        rows[name] = series
        expected = dict(zip(*(part.tolist() for part in np.unique(series, return_counts=True)), strict=True))
        found = roll_up(rows).select(pl.col(name).cast(pl.Int64), "pieces")
        assert dict(found.iter_rows()) == expected, name


@pytest.mark.parametrize("sign", [1, -1])
def test_a_sum_beyond_64_bits_is_exact_in_several_rows_of_its_group(sign: int) -> None:
    large = Row(MIDNIGHT, MIDNIGHT + 86_400, 10**15, consumer=42, millicards=10**9, sign=sign)
    beside = Row(MIDNIGHT, MIDNIGHT, 10**15, consumer=43)
    frame = roll_up(as_entries([large] * 120_000 + [beside]))
    assert frame.sort(USE_KEY, maintain_order=True).equals(frame)
    found = frame.filter(pl.col("consumer") == 42)
    assert {name: sum(found[name].to_list()) for name in USE_SUMS} == {
        "millicard_seconds": sign * 120_000 * 10**9 * 86_400,
        "charge_fen": sign * 120_000 * 10**15,
        "pieces": sign * 120_000,
        "starts": sign * 120_000,
    }
    assert found.height == 1 + 120_000 * 10**15 // 2**62
    if sign == 1:
        assert frame["pieces"].min() == 1, "every row stands for some records"
    again = merge([frame, frame, roll_up(as_entries([replace(large, sign=-sign)] * 120_000))])
    assert again.filter(pl.col("consumer") == 42).equals(found), "the same sums have the same rows"


def test_a_sum_that_fits_is_exact_although_it_leaves_the_range_on_the_way() -> None:
    charge = Row(MIDNIGHT, MIDNIGHT, 10**15)
    rows = [charge] * 9300 + [replace(charge, sign=-1)] * 9299
    assert roll_up(as_entries(rows))["charge_fen"].to_list() == [10**15]
    half = GroupTable()
    half.add_entries(measured(as_entries(rows[:9300])))
    rest = GroupTable()
    rest.add_entries(measured(as_entries(rows[9300:])))
    assert frame_of([half, rest])["charge_fen"].to_list() == [10**15]


@given(st.lists(records(longest_seconds=10 * 86_400), max_size=25))
@settings(max_examples=60, deadline=None)
def test_groups_added_up_are_the_same_groups(rows: list[Row]) -> None:
    table = GroupTable()
    table.add_entries(measured(as_entries(rows)))
    assert in_order([added_up(held) for held in table.held()], Scratch())[0].equals(roll_up(as_entries(rows)))


def test_groups_added_up_keep_what_left_the_range() -> None:
    alternating = as_entries([Row(MIDNIGHT, MIDNIGHT, 10**15, consumer=name) for name in (1, 2)])
    back = as_entries([Row(MIDNIGHT, MIDNIGHT, 10**15, consumer=name, sign=-1) for name in (1, 2)])
    over, under = GroupTable(), GroupTable()
    over.add_entries(measured(np.tile(alternating, 20_000)))
    under.add_entries(measured(np.tile(back, 19_999)))
    held = [added_up(held) for table in (over, under) for held in table.held()]
    assert any(len(each.laps) for each in held)
    assert in_order(held, Scratch())[0]["charge_fen"].to_list() == [10**15, 10**15]


def test_merging_frames_is_exact_at_both_ends_of_64_bits() -> None:
    one = roll_up(as_entries([Row(MIDNIGHT, MIDNIGHT + 1)]))
    most = one.with_columns(pl.lit(2**63 - 1, pl.Int64).alias("millicard_seconds"))
    assert sum(merge([most, one])["millicard_seconds"].to_list()) == 2**63 - 1 + 1000
    least = one.with_columns(pl.lit(-(2**63), pl.Int64).alias("millicard_seconds"))
    assert merge([most, most, least, least])["millicard_seconds"].to_list() == [-2]
    table = GroupTable()
    table.add_frame(least, -1)
    assert sum(table.frame()["millicard_seconds"].to_list()) == 2**63


@pytest.mark.parametrize(
    "bad",
    [
        Row(MIDNIGHT, MIDNIGHT - 1),
        Row(MIDNIGHT, MIDNIGHT + TEN_YEARS + 1),
        Row(0, 10),
        Row(MIDNIGHT, MIDNIGHT + 1, 10**15 + 1),
        Row(MIDNIGHT, MIDNIGHT + 1, -1),
        Row(MIDNIGHT, MIDNIGHT + 1, millicards=10**9 + 1),
        Row(MIDNIGHT, MIDNIGHT + 1, millicards=-1),
        Row(MIDNIGHT, MIDNIGHT + 1, purpose=3),
        Row(MIDNIGHT, MIDNIGHT + 1, consumer=-1),
        Row(MIDNIGHT, MIDNIGHT + 1, sign=0),
    ],
)
def test_a_row_beyond_the_limits_of_intake_is_refused(bad: Row) -> None:
    with pytest.raises(RowOutOfRange, match="row 1 "):
        roll_up(as_entries([Row(MIDNIGHT, MIDNIGHT + 1), bad]))


EARLIEST, LATEST, END = 946_656_000, 4_102_416_000 + TEN_YEARS, 2**63  # 2000 to 2110, and where int64 ends
EDGES: dict[str, list[Any]] = {
    "started": [-END, -1, 0, EARLIEST - 1, EARLIEST, LATEST - TEN_YEARS - 1, LATEST - TEN_YEARS, LATEST, END - 1],
    "ended": [
        -END, 0, EARLIEST - 1, EARLIEST, EARLIEST + TEN_YEARS, EARLIEST + TEN_YEARS + 1, LATEST, LATEST + 1, END - 1
    ],
    "charge_fen": [-END, -1, 0, 10**15, 10**15 + 1, END - 1],
    "millicards": [-END, -1, 0, 10**9, 10**9 + 1, END - 1],
    "purpose": [-128, -1, 0, 1, 2, 3, 4, 127],
    "sign": [-128, -2, -1, 0, 1, 2, 3, 127],
    "consumer": [-(2**31), -1, 0, 2**31 - 1],
}  # fmt: skip


def within_the_limits(row: Row) -> bool:
    """In Python's whole numbers, which have no end."""
    return (
        EARLIEST <= row.started <= row.ended <= LATEST
        and row.ended - row.started <= TEN_YEARS
        and 0 <= row.millicards <= 10**9
        and 0 <= row.charge_fen <= 10**15
        and row.purpose in (0, 1, 2)
        and row.sign in (1, -1)
        and row.consumer >= 0
    )


def test_what_is_within_the_limits_is_told_exactly_at_the_ends_of_the_numbers_too() -> None:
    good = Row(MIDNIGHT, MIDNIGHT + 1)
    rows = [replace(good, started=a, ended=b) for a in EDGES["started"] for b in EDGES["ended"]]
    rows += [replace(good, **{name: value}) for name in EDGES for value in EDGES[name]]
    refused = 0
    for place, row in enumerate(rows):
        at = (0, 40, 70)[place % 3]
        entries = as_entries([good] * at + [row] + [good] * (70 - at))
        if within_the_limits(row):
            roll_up(entries)
        else:
            refused += 1
            with pytest.raises(RowOutOfRange, match=f"row {at} "):
                roll_up(entries)
    assert 100 < refused < len(rows) - 10


def test_a_frame_with_other_columns_is_not_merged() -> None:
    with pytest.raises(NotAUseFrame):
        merge([empty_use().drop("starts")])


def in_runs(entries: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return the same entries with the columns of their series run by run."""
    series = [[entry[name] for name in SERIES] for entry in entries]
    begins = [place for place in range(len(series)) if place == 0 or series[place] != series[place - 1]]
    columns = {
        str(name): entries[name][begins] if name in SERIES else entries[name] for name in entries.dtype.names or ()
    }
    return columns | {"series_ends": np.array([*begins[1:], len(entries)], np.int32)}


@given(st.lists(records(longest_seconds=90 * 86_400), min_size=1, max_size=25), st.integers(1, 400), st.booleans())
@settings(max_examples=100, deadline=None)
def test_rows_whose_series_come_in_runs_are_rolled_up_alike(rows: list[Row], times: int, cut: bool) -> None:
    entries = np.repeat(as_entries(rows), times)  # more than are looked at together
    entries["charge_fen"] //= 10_000  # so many of the largest charge would not fit
    entries["millicards"] = np.minimum(entries["millicards"], 10**6)
    tables = [GroupTable(cut=(MIDNIGHT, MIDNIGHT + 5 * 86_400)) if cut else GroupTable() for _ in range(2)]
    tables[0].add_entries(measured(entries))
    tables[1].add_entries(measured(in_runs(entries)))
    assert tables[1].frame().equals(tables[0].frame())


def test_more_series_in_runs_than_there_is_room_for_at_first_are_all_told_apart() -> None:
    rows = [Row(MIDNIGHT + n, MIDNIGHT + n + 40 * 86_400, 9, consumer=n // 2) for n in range(20_000)]
    entries = as_entries(rows)
    assert roll_up(in_runs(entries)).equals(roll_up(entries))


@pytest.mark.parametrize("bad", [{"purpose": 3}, {"chip": -1}, {"sign": 0}, {"millicards": -1}])
def test_a_row_beyond_the_limits_is_named_in_runs_too(bad: dict[str, Any]) -> None:
    good = Row(MIDNIGHT, MIDNIGHT + 1)
    entries = as_entries([good] * 5_000 + [replace(good, consumer=8, **bad)] + [good] * 3)
    with pytest.raises(RowOutOfRange, match=r"row 5000 .*'consumer': 8"):
        roll_up(in_runs(entries))


@pytest.mark.parametrize("ends", [[1, 3], [0, 4], [3, 2], [2, 2, 4], [5], [4, 4], [-1, 4], [2, 5]])
def test_runs_that_do_not_cover_the_rows_are_refused(ends: list[int]) -> None:
    columns = {name: array[: len(ends)] if name in SERIES else array for name, array in in_runs(FOUR_KINDS).items()}
    columns["series_ends"] = np.array(ends, np.int32)
    with pytest.raises(ValueError, match="do not cover the rows"):
        measured(columns)


def test_runs_with_too_few_series_are_refused() -> None:
    columns = in_runs(FOUR_KINDS)
    with pytest.raises(ValueError, match="differ in length"):
        measured(columns | {"chip": columns["chip"][:3]})


# long: one property after the other, on one way of drawing rows
