"""What a word of the bank means, case by case, in memory: its events, how much moved, and what contradicts us."""

from __future__ import annotations

from typing import Any

import pytest

from settlement.errors import NotAllowed
from settlement.payout.booking import Booked, Known, Mark, booked
from settlement.payout.words import Step, steps_of

DUE = 100
SENT = "then"
ALL_OPEN = ("leased", "submitted", "unknown", "handed_over")


def row(status: str, **changes: Any) -> dict[str, Any]:
    """An instruction of one yuan."""
    return {
        "id": 7, "status": status, "amount_fen": DUE, "reference": "R-1", "bank_reference": None,
        "first_sent_at": SENT, **changes,
    }  # fmt: skip


def steps(status: str, word: str, amount: int | None = None, **how: Any) -> tuple[list[tuple[str, int]], str | None]:
    """What a word makes of an instruction: (state, fen) of each event, and the code of the contradiction."""
    changes = {name: how.pop(name) for name in ("first_sent_at", "amount_fen") if name in how}
    said: dict[str, Any] = {} if amount is None else {"amount_fen": amount}
    said |= {"file": "f"} if how.pop("by_file", False) else {}
    given = {"earlier": False, "net_fen": 0, "moved_before": False, **how}
    found, contradiction = steps_of(row(status, **changes), word, said, **given)
    assert all(isinstance(one, Step) for one in found)
    return [(one.after, one.moved_fen) for one in found], contradiction.code if contradiction else None


@pytest.mark.parametrize("word", ["submitted", "unknown", "leased", "handed_over", "ready"])
def test_a_word_that_is_no_outcome_moves_nothing(word: str) -> None:
    assert steps("leased", word) == ([(word, 0)], None)
    assert steps("leased", word, 50, earlier=True) == ([(word, 0)], None)


def test_a_dispute_says_what_moved_if_anything_did() -> None:
    assert steps("leased", "disputed") == ([("disputed", 0)], None)
    assert steps("leased", "disputed", 50) == ([("disputed", 50)], None)


@pytest.mark.parametrize("status", ALL_OPEN)
def test_what_is_with_the_bank_takes_every_outcome(status: str) -> None:
    assert steps(status, "failed") == ([("failed", 0)], None)
    assert steps(status, "failed", -5) == ([("failed", 0)], None)
    assert steps(status, "paid") == ([("paid", DUE)], None)
    assert steps(status, "paid", DUE) == ([("paid", DUE)], None)
    assert steps(status, "returned") == ([("paid", DUE), ("returned", -DUE)], None)
    assert steps(status, "returned", net_fen=DUE) == ([("returned", -DUE)], None)
    assert steps(status, "returned", net_fen=1) == ([("returned", -DUE)], None)
    assert steps(status, "returned", net_fen=0, moved_before=True) == ([("returned", -DUE)], None)


@pytest.mark.parametrize("amount", [99, 101, 2**63 - 1, 1])
def test_another_amount_is_booked_as_it_moved_and_disputed(amount: int) -> None:
    assert steps("submitted", "paid", amount) == ([("disputed", amount)], "WRONG_AMOUNT")
    assert steps("paid", "returned", amount, net_fen=DUE) == ([("disputed", -amount)], "WRONG_AMOUNT")
    assert steps("submitted", "returned", amount) == ([("disputed", amount), ("disputed", -amount)], "WRONG_AMOUNT")


@pytest.mark.parametrize("amount", [0, -1, 2**63, 2**64])
@pytest.mark.parametrize("word", ["paid", "returned"])
def test_an_amount_that_is_none_is_refused(amount: int, word: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        steps("submitted", word, amount)
    assert refused.value.code == "AMOUNT_INVALID"


@pytest.mark.parametrize("how", [{"earlier": True}, {"amount_fen": 0}])
def test_without_a_sum_that_is_due_the_amount_is_said(how: dict[str, Any]) -> None:
    with pytest.raises(NotAllowed) as refused:
        steps("submitted", "paid", **how)
    assert refused.value.code == "AMOUNT_MISSING"
    assert steps("submitted", "failed", **how)[0][0][1] == 0


@pytest.mark.parametrize("status", [*ALL_OPEN, "paid", "ready", "failed"])
def test_news_about_an_earlier_issue_are_disputed(status: str) -> None:
    assert steps(status, "paid", DUE, earlier=True) == ([("disputed", DUE)], "EARLIER_ISSUE")
    assert steps(status, "failed", earlier=True) == ([("disputed", 0)], "EARLIER_ISSUE")


@pytest.mark.parametrize("status", ["ready", "offset"])
def test_what_never_went_out_is_disputed_when_the_bank_moved_money_for_it(status: str) -> None:
    assert steps(status, "paid", by_file=True, first_sent_at=None) == ([("disputed", DUE)], "NEVER_SENT")
    assert steps(status, "failed", by_file=True, first_sent_at=None) == ([("failed", 0)], None)
    assert steps(status, "paid", first_sent_at=None) == ([("paid", DUE)], None)
    assert steps(status, "paid", 99, first_sent_at=None) == ([("paid", 99)], None)
    assert steps(status, "paid") == ([("disputed", DUE)], "OUTCOME_CHANGED")
    assert steps("leased", "paid", by_file=True, first_sent_at=None) == ([("paid", DUE)], None)


@pytest.mark.parametrize(
    ("status", "word", "code"),
    [
        ("paid", "paid", "OTHER_BANK_REFERENCE"), ("paid", "failed", "OUTCOME_CHANGED"),
        ("failed", "paid", "OUTCOME_CHANGED"), ("failed", "failed", "OUTCOME_CHANGED"),
        ("returned", "paid", "OUTCOME_CHANGED"), ("returned", "returned", "OUTCOME_CHANGED"),
        ("failed", "returned", "OUTCOME_CHANGED"),
    ],
)  # fmt: skip
def test_an_outcome_that_changes_is_disputed(status: str, word: str, code: str) -> None:
    found, contradiction = steps(status, word)
    assert contradiction == code
    assert {after for after, _ in found} == {"disputed"}


def test_what_was_paid_comes_back() -> None:
    assert steps("paid", "returned", net_fen=DUE) == ([("returned", -DUE)], None)
    assert steps("paid", "returned", DUE, net_fen=DUE) == ([("returned", -DUE)], None)


def test_what_is_disputed_stays_so_whatever_the_bank_says() -> None:
    assert steps("disputed", "paid") == ([("disputed", DUE)], None)
    assert steps("disputed", "failed") == ([("disputed", 0)], None)
    assert steps("disputed", "returned") == ([("disputed", DUE), ("disputed", -DUE)], None)
    assert steps("disputed", "paid", 99) == ([("disputed", 99)], "WRONG_AMOUNT")


def event(reference: str = "R-1", word: str = "paid", moved: int = DUE, **changes: Any) -> dict[str, Any]:
    """An event that is on record."""
    return {
        "instruction": 7, "reference": reference, "word": word, "moved_fen": moved, "bank_reference": "B1",
        "amount_fen": None, **changes,
    }  # fmt: skip


def known(*events: dict[str, Any], movements: list[dict[str, Any]] | None = None) -> Known:
    """What is on record; movements are those of the events unless they are given."""
    moved = [one for one in events if one["moved_fen"]]
    return Known.of(events, moved if movements is None else movements)


def made(found: Booked) -> tuple[list[tuple[str, int, str | None]], str | None]:
    """Events as (state, fen, the bank's reference), and the contradiction's code."""
    events = [(one.after, one.moved_fen, one.bank_reference) for one in found.events]
    return events, found.contradiction.code if found.contradiction else None


def test_a_payment_is_booked_under_the_banks_reference() -> None:
    found = booked(row("submitted"), Mark(7, "paid", {"bank_reference": " B1 ", "note": "x"}), known())
    assert made(found) == ([("paid", DUE, "B1")], None)
    (one,) = found.events
    assert (one.instruction, one.said) == (
        7, {"bank_reference": "B1", "note": "x", "word": "paid", "issue": "R-1"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("word", "said", "of", "issue"),
    [
        ("paid", {}, row("submitted", bank_reference="B0"), None), ("paid", {}, row("submitted"), None),
        ("returned", {}, row("submitted"), None), ("disputed", {"amount_fen": 5}, row("submitted"), None),
        ("returned", {"amount_fen": 5}, row("submitted", bank_reference="B0"), "R-0"),
    ],
)  # fmt: skip
def test_money_needs_a_reference_of_the_bank(
    word: str, said: dict[str, Any], of: dict[str, Any], issue: str | None
) -> None:
    with pytest.raises(NotAllowed) as refused:
        booked(of, Mark(7, word, said, issue), known(event("R-0", "failed", 0)))
    assert refused.value.code == "BANK_REFERENCE_MISSING"


def test_money_that_comes_back_stands_under_the_reference_that_is_known() -> None:
    paid = row("paid", bank_reference="B1")
    assert made(booked(paid, Mark(7, "returned"), known(event()))) == ([("returned", -DUE, "B1")], None)
    assert made(booked(paid, Mark(7, "returned", {"bank_reference": "B2"}), known(event()))) == (
        [("returned", -DUE, "B2")], None,
    )  # fmt: skip
    assert made(booked(row("submitted"), Mark(7, "failed"), known())) == ([("failed", 0, None)], None)
    assert made(booked(row("submitted", bank_reference="B9"), Mark(7, "disputed"), known())) == (
        [("disputed", 0, "B9")], None,
    )  # fmt: skip


def test_an_issue_that_the_instruction_never_had_is_refused() -> None:
    with pytest.raises(NotAllowed) as refused:
        booked(row("submitted"), Mark(7, "paid", {"bank_reference": "B1"}, "R-9"), known(event("R-0", "failed", 0)))
    assert refused.value.code == "NO_SUCH_ISSUE"
    other = {**event("R-9"), "instruction": 8}
    with pytest.raises(NotAllowed):
        booked(row("submitted"), Mark(7, "failed", {}, "R-9"), known(other))


def test_a_word_about_an_earlier_issue_is_disputed_with_what_moved_under_it() -> None:
    of, on_record = row("submitted"), known(event("R-0", "failed", 0))
    found = booked(of, Mark(7, "paid", {"bank_reference": "B5", "amount_fen": DUE}, "R-0"), on_record)
    assert made(found) == ([("disputed", DUE, "B5")], "EARLIER_ISSUE")
    assert found.events[0].said["contradiction"] == "EARLIER_ISSUE"
    assert found.events[0].said["issue"] == "R-0"


def test_what_was_said_before_is_booked_once() -> None:
    again = Mark(7, "paid", {"bank_reference": "B1"})
    assert made(booked(row("paid", bank_reference="B1"), again, known(event()))) == ([], None)
    assert made(booked(row("failed"), Mark(7, "failed"), known(event(word="failed", moved=0)))) == ([], None)
    assert made(booked(row("failed", bank_reference="B7"), Mark(7, "failed", {"bank_reference": "B8"}),
                       known(event(word="failed", moved=0)))) == ([], None)  # fmt: skip
    other = Mark(7, "paid", {"bank_reference": "B2"})
    assert made(booked(row("paid", bank_reference="B1"), other, known(event()))) == (
        [("disputed", DUE, "B2")], "OTHER_BANK_REFERENCE",
    )  # fmt: skip
    said = Mark(7, "paid", {"bank_reference": "B1", "amount_fen": 99})
    assert made(booked(row("paid", bank_reference="B1"), said, known(event()))) == (
        [("disputed", 0, "B1")], "WRONG_AMOUNT",
    )  # fmt: skip
    of_an_earlier = known(event("R-0", "failed", 0), movements=[])
    assert made(booked(row("submitted"), Mark(7, "failed"), of_an_earlier)) == ([("failed", 0, None)], None)


def test_a_state_that_is_reached_is_not_reached_again() -> None:
    assert made(booked(row("submitted"), Mark(7, "submitted"), known())) == ([], None)
    assert made(booked(row("unknown"), Mark(7, "submitted"), known())) == ([("submitted", 0, None)], None)
    assert made(booked(row("submitted"), Mark(7, "submitted", {"bank_reference": "B1"}), known())) == (
        [("submitted", 0, "B1")], None,
    )  # fmt: skip
    assert made(booked(row("disputed", bank_reference="B1"), Mark(7, "disputed"), known())) == ([], None)
    more = Mark(7, "disputed", {"amount_fen": 5, "bank_reference": "B1"})
    assert made(booked(row("disputed", bank_reference="B1"), more, known())) == ([("disputed", 5, "B1")], None)


def test_one_movement_at_the_bank_is_counted_once() -> None:
    mark = Mark(7, "paid", {"bank_reference": "B1"})
    of = row("submitted")
    for instruction, issue in ((8, "R-1"), (7, "R-0"), (8, "R-0")):
        there = {**event(issue), "instruction": instruction}
        assert made(booked(of, mark, known(movements=[there]))) == (
            [("disputed", 0, "B1")], "OTHER_BANK_REFERENCE",
        )  # fmt: skip
    came_back = {**event(moved=-DUE), "instruction": 8}
    assert made(booked(of, mark, known(movements=[came_back]))) == ([("paid", DUE, "B1")], None)
    same = [event()]
    assert made(booked(of, mark, known(movements=same))) == ([], None)
    assert made(booked(of, mark, known(movements=[event(moved=99)]))) == ([("disputed", 0, "B1")], "WRONG_AMOUNT")


def test_of_one_fen_it_matters_as_well_which_way_it_went() -> None:
    out = event(moved=1)
    assert set(known(out, event(moved=-1)).movements) == {("B1", True), ("B1", False)}
    of = row("submitted", amount_fen=1)
    mark = Mark(7, "paid", {"bank_reference": "B1"})
    assert made(booked(of, mark, known(movements=[out]))) == ([], None)
    assert made(booked(of, mark, known(movements=[event(moved=-1)]))) == ([("paid", 1, "B1")], None)


def test_a_word_without_money_needs_no_reference_and_stands_under_none_of_its_own() -> None:
    said = {**event(word="disputed", moved=0), "bank_reference": None}
    of = row("submitted")
    assert made(booked(of, Mark(7, "disputed"), known(said))) == ([("disputed", 0, None)], None)
    assert made(booked(of, Mark(7, "unknown"), known(event(word="unknown", moved=0, bank_reference=None)))) == (
        [("unknown", 0, None)], None,
    )  # fmt: skip
    moved = {**event(word="disputed", moved=5), "bank_reference": "B5", "amount_fen": 5}
    again = Mark(7, "disputed", {"amount_fen": 5, "bank_reference": "B5"})
    assert made(booked(row("disputed", bank_reference="B5"), again, known(moved))) == ([], None)
    assert made(booked(row("disputed", bank_reference="B5"), Mark(7, "submitted"), known())) == (
        [("submitted", 0, "B5")], None,
    )  # fmt: skip


def test_a_return_of_what_we_never_heard_was_paid_is_two_movements() -> None:
    mark = Mark(7, "returned", {"bank_reference": "B1"})
    assert made(booked(row("submitted"), mark, known())) == (
        [("paid", DUE, "B1"), ("returned", -DUE, "B1")], None,
    )  # fmt: skip
    half = known(movements=[event()])
    assert made(booked(row("submitted"), mark, half)) == ([("returned", -DUE, "B1")], None)
    other = known(movements=[{**event(), "instruction": 8}])
    assert made(booked(row("submitted"), mark, other)) == (
        [("disputed", 0, "B1"), ("disputed", -DUE, "B1")], "OTHER_BANK_REFERENCE",
    )  # fmt: skip


def test_what_moved_is_summed_by_issue() -> None:
    on_record = known(event(), event(moved=-30), event("R-0", moved=5), {**event(moved=9), "instruction": 8})
    assert on_record.moved(7, "R-1") == (70, True)
    assert on_record.moved(7, "R-0") == (5, True)
    assert on_record.moved(8, "R-1") == (9, True)
    assert on_record.moved(7, "R-5") == (0, False)
    assert known(event(), event(moved=-DUE)).moved(7, "R-1") == (0, True)
    assert on_record.is_issue(7, "R-0")
    assert not on_record.is_issue(8, "R-0")
