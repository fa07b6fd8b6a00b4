"""The kernels accept only what the authority accepts, with the same values: on every body, the same answer."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.days import days_of_date
from meter.intake import RECORD, BodyError, Received
from meter.intake.codes import RecordRefused
from meter.intake.kernels.fields import is_plain_text, is_uscc, millicards_of_text, seconds_of
from meter.intake.record.instants import date_of_days, seconds_of_instant, text_of_instant
from meter.intake.record.usage_record import Number, Pairs, check_consumer, millicards_of, plain_text
from meter.uscc import ALPHABET, check_digit
from meter.uscc import is_uscc as plain_is_uscc
from tests.intake.fuzz import Fuzz
from tests.intake.sample import codes, got
from tests.reference.uscc import is_valid
from tests.support.records import ARROW, NDJSON

UNHURRIED = settings(deadline=None)  # the first example may wait for the compiler


def answer(body: bytes, content_type: str, fast: bool) -> tuple[object, ...]:
    """Everything a body was answered with, comparable."""
    try:
        received = got(body, content_type, fast=fast)
    except BodyError as error:
        return error.status, error.code, error.detail
    return whole(received)


def whole(received: Received) -> tuple[object, ...]:
    """Every part of an answer, comparable."""
    rows = range(len(received.records))
    return (
        received.received,
        [received.records[name].tolist() for name in RECORD.names or ()],
        received.codes.tolist(),
        [(refusal.index, refusal.id, refusal.code, refusal.detail, refusal.verbatim) for refusal in received.refused],
        received.ids(rows),
    )


def compare(seed: int, bodies: int) -> tuple[int, int]:
    """Compare fast and slow on so many drawn bodies; (records seen, records a kernel accepted)."""
    fuzz = Fuzz(seed)
    seen = fast_rows = 0
    for number in range(bodies):
        if number % 4 == 3:
            body, content_type = fuzz.table(25), ARROW
        else:
            body, content_type = fuzz.body(25)
        assert answer(body, content_type, True) == answer(body, content_type, False), (seed, number, content_type, body)
        try:
            received = got(body, content_type)
        except BodyError:
            continue
        for refusal in received.refused:
            refusal.detail.encode()  # no half of a pair
            assert all(letter >= " " for letter in refusal.detail), (seed, number, refusal.detail)
        seen += received.received
        fast_rows += len(received.records) - len(received.id_texts.read)
        if content_type == ARROW:
            # a row given back as JSON gets the same code
            lines = b"\n".join(received.verbatim(index) for index in range(received.received))
            assert codes(got(lines, NDJSON)) == codes(received), (seed, number)
    return seen, fast_rows


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_fast_equals_slow_on_drawn_bodies(seed: int) -> None:
    """Tens of thousands of records; a fuzzer whose records no kernel takes would prove nothing."""
    seen, fast_rows = compare(seed, 400)
    assert seen > 5_000
    assert fast_rows > seen // 8


def letters(text: str) -> np.ndarray:
    """A text as the kernels see it."""
    array = np.frombuffer(b"<" + text.encode("utf-8", "surrogatepass") + b">", np.uint8)
    assert not array.flags.writeable
    return array


@UNHURRIED
@given(
    st.datetimes(datetime(1998, 1, 1), datetime(2101, 1, 1)),  # noqa: DTZ001 the offset is drawn apart
    st.integers(-1439, 1439),
    st.sampled_from(["", ".0", ".9", ".123456789"]),
)
def test_instants(local: datetime, offset_minutes: int, fraction: str) -> None:
    """Against datetime: the kernel, the authority, and -1 outside the years 2000 to 2099."""
    local = local.replace(microsecond=0)
    sign = "-" if offset_minutes < 0 else "+"
    hours, minutes = divmod(abs(offset_minutes), 60)
    text = f"{local.isoformat()}{fraction}{sign}{hours:02}:{minutes:02}"
    seconds = int(local.replace(tzinfo=timezone(timedelta(minutes=offset_minutes))).timestamp())
    inside = 2000 <= datetime.fromtimestamp(seconds, UTC).year <= 2099
    assert seconds_of(letters(text), 1, len(text)) == (seconds if inside else -1)
    if inside:
        assert seconds_of_instant("started_at", text) == seconds


@UNHURRIED
@given(
    st.text(st.sampled_from("0123456789-:TtZz+. "), max_size=30)
    | st.from_regex(r"20[0-9T:Z.+-]{18,30}", fullmatch=True)
)
def test_texts_that_may_be_instants(text: str) -> None:
    """The kernel takes a text only when the authority does, as the same second."""
    try:
        expected = seconds_of_instant("started_at", text)
    except RecordRefused:
        expected = -1
    assert seconds_of(letters(text), 1, len(text)) == expected


@UNHURRIED
@given(
    st.sampled_from(["2025-02-28T23:59:59+08:00", "2024-02-29t00:00:00.5z", "2099-12-31T23:59:59Z"]),
    st.lists(st.tuples(st.integers(0, 24), st.sampled_from("0123456789-+:.TtZz /")), max_size=2),
)
def test_texts_that_are_nearly_instants(text: str, changes: list[tuple[int, str]]) -> None:
    """One or two characters beside a good instant: a 60th second, a 30th of February, another sign."""
    for place, letter in changes:
        text = text[:place] + letter + text[place + 1 :]
    try:
        expected = seconds_of_instant("started_at", text)
    except RecordRefused:
        expected = -1
    assert seconds_of(letters(text), 1, len(text)) == expected


@UNHURRIED
@given(st.text(st.sampled_from("0019.e-+ "), max_size=12))
def test_cards(text: str) -> None:
    """The kernel takes a decimal only when the authority does, as the same thousandths."""
    try:
        expected = millicards_of(text)
    except RecordRefused:
        expected = -1
    assert millicards_of_text(letters(text), 1, len(text)) == expected
    assert millicards_of(Number("12")) == 12_000


@UNHURRIED
@given(st.text(max_size=70))
def test_plain_texts(text: str) -> None:
    """Control characters, halves of pairs and more than 64 characters: the same verdict."""
    try:
        expected = len(plain_text("order", {"order": text})) <= 64
    except RecordRefused:
        expected = False
    array = letters(text)
    assert is_plain_text(array, 1, len(array) - 2, 64) == expected


@UNHURRIED
@given(st.binary(max_size=8))
def test_bytes_that_may_be_utf8(text: bytes) -> None:
    """The kernel takes bytes only when Python decodes them."""
    try:
        expected = all(ord(letter) >= 0x20 and not 0x7F <= ord(letter) <= 0x9F for letter in text.decode())
    except UnicodeDecodeError:
        expected = False
    assert is_plain_text(np.frombuffer(b"<" + text + b">", np.uint8), 1, len(text), 64) == expected


@UNHURRIED
@given(st.text(st.sampled_from(ALPHABET), min_size=17, max_size=17), st.sampled_from(ALPHABET))
def test_check_digits(body: str, last: str) -> None:
    """Of the 31 last characters exactly one is right, and kernel and authority agree which."""
    right = []
    for digit in ALPHABET:
        try:
            check_consumer(body + digit)
        except RecordRefused:
            assert not is_uscc(letters(body + digit), 1, 18)
        else:
            assert is_uscc(letters(body + digit), 1, 18)
            right.append(digit)
    assert len(right) == 1
    total = sum(ALPHABET.index(letter) * 3**place for place, letter in enumerate(body))
    assert right == [ALPHABET[(31 - total % 31) % 31]]
    assert is_uscc(letters(body + last), 1, 18) == (last == right[0])


@UNHURRIED
@given(st.text(ALPHABET, min_size=17, max_size=17), st.text(st.sampled_from(ALPHABET + "IOSVZaé０ "), max_size=3))
def test_the_kernel_and_the_plain_checker_take_the_same_codes(body: str, end: str) -> None:
    for text in (body + check_digit(body), body + end, body[:-1] + end + check_digit(body), end + body):
        array = letters(text)
        assert is_uscc(array, 1, len(array) - 2) == plain_is_uscc(text) == is_valid(text)


@pytest.mark.parametrize("code", ["N2340100MF0000001D", "Y1340100MB00000010", "A1340100MB0000001L"])
def test_codes_of_every_kind_of_registrar_are_taken(code: str) -> None:
    assert plain_is_uscc(code)
    assert is_uscc(letters(code), 1, 18)


@UNHURRIED
@given(st.integers(-800_000, 2_900_000))
def test_dates_and_days(days: int) -> None:
    """The two calendars are each other's inverse, and the standard library's where it reaches."""
    year, month, day = date_of_days(days)
    assert days_of_date(year, month, day) == days
    if 1 <= year <= 9999:
        assert text_of_instant(days * 86_400, "s") == f"{year:04}-{month:02}-{day:02}T00:00:00Z"
        assert datetime(year, month, day, tzinfo=UTC).toordinal() - 719_163 == days


def test_an_object_is_known_by_its_pairs() -> None:
    """Repeats survive until the authority has seen them."""
    assert Pairs([("a", None), ("a", None)]) != Pairs([("a", None)])
