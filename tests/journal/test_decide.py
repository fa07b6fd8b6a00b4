"""Deciding: accepted, duplicate, conflict or refused, as tables (R-DUP, R-CORR)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.journal.rows.layout import ENTRY, NO_KEY, RECORD, REPLACE, VOID
from meter.journal.write.decide import ACCEPTED, CONFLICT, DUPLICATE, REFUSED, Known, decide

WORDS = {ACCEPTED: "accepted", DUPLICATE: "duplicate", CONFLICT: "conflict", REFUSED: "refused"}


@dataclass(frozen=True)
class Said:
    """A record in short: its id, what it charges, and what it corrects how."""

    name: str
    fen: int = 0
    action: int = RECORD
    corrects: str = ""


SOURCE_A, SOURCE_B = 5 << 32, 6 << 32


def key(name: str) -> bytes:
    """A key that stands for an id."""
    return hashlib.blake2s(name.encode(), digest_size=16).digest() if name else NO_KEY


def rows(*said: Said, batch: int = 0) -> npt.NDArray[np.void]:
    """Records as entries."""
    entries = np.zeros(len(said), ENTRY)
    entries["batch"] = batch
    for row, one in enumerate(said):
        entries["key"][row] = np.void(key(one.name))
        entries["charge_fen"][row] = one.fen
        entries["action"][row] = one.action
        entries["corrects"][row] = np.void(key(one.corrects))
    return entries


def told(candidates: list[Said], journal: list[Said], corrected: list[str]) -> list[str]:
    """What is decided of each, in words; a refusal by its code."""
    known = Known(rows(*journal, batch=7), frozenset(key(name) for name in corrected))
    decision = decide(rows(*candidates), known)
    return [
        decision.codes.get(i, WORDS[s]) if s == REFUSED else WORDS[s] for i, s in enumerate(decision.status.tolist())
    ]


A, A2, B = Said("a"), Said("a", 2), Said("b")
CASES: dict[str, tuple[list[Said], list[Said], list[str], list[str]]] = {
    "nothing": ([], [], [], []),
    "new ones": ([A, B], [], [], ["accepted", "accepted"]),
    "a repeat in the batch": ([A, A], [], [], ["accepted", "duplicate"]),
    "a repeat of the journal": ([A, B], [A], [], ["duplicate", "accepted"]),
    "other content in the batch": ([A, A2, A], [], [], ["accepted", "conflict", "duplicate"]),
    "other content than the journal's": ([A2, A], [A], [], ["conflict", "duplicate"]),
    "a void": ([Said("v", 0, VOID, "a")], [A], [], ["accepted"]),
    "a void in the same batch": ([A, Said("v", 0, VOID, "a")], [], [], ["accepted", "accepted"]),
    "a void before what it voids": ([Said("v", 0, VOID, "a"), A], [], [], ["corrects_unknown_record", "accepted"]),
    "a replacement": ([Said("r", 5, REPLACE, "a")], [A], [], ["accepted"]),
    "a replacement of a replacement": (
        [Said("r", 5, REPLACE, "a"), Said("s", 6, REPLACE, "r")],
        [A],
        [],
        ["accepted", "accepted"],
    ),
    "two corrections of one": (
        [Said("r", 5, REPLACE, "a"), Said("s", 6, REPLACE, "a")],
        [A],
        [],
        ["accepted", "already_corrected"],
    ),
    "of what the journal has corrected": ([Said("s", 6, REPLACE, "a")], [A], ["a"], ["already_corrected"]),
    "of a void": ([Said("s", 6, REPLACE, "v")], [A, Said("v", 0, VOID, "a")], ["a"], ["corrects_void_record"]),
    "of nothing known": ([Said("s", 6, REPLACE, "x")], [], [], ["corrects_unknown_record"]),
    "a correction repeated": ([Said("v", 0, VOID, "a")] * 2, [A], [], ["accepted", "duplicate"]),
    "a correction with other content": (
        [Said("v", 0, VOID, "b")],
        [A, B, Said("v", 0, VOID, "a")],
        ["a"],
        ["conflict"],
    ),
    "a correction that the journal has, beside others": (
        [Said("v", 0, VOID, "a")],
        [A, Said("v", 0, VOID, "a"), B],
        ["a"],
        ["duplicate"],
    ),
    "what was refused does not use up its id": (
        [Said("s", 6, REPLACE, "x"), Said("s", 1)],
        [],
        [],
        ["corrects_unknown_record", "accepted"],
    ),
    "what was refused corrects nothing": (
        [Said("a", 1), Said("v", 0, VOID, "a"), Said("w", 0, VOID, "v"), Said("x", 0, VOID, "a")],
        [],
        [],
        ["accepted", "accepted", "corrects_void_record", "already_corrected"],
    ),
}


@pytest.mark.parametrize(("candidates", "journal", "corrected", "expected"), CASES.values(), ids=CASES.keys())
def test_a_record_is_decided(
    candidates: list[Said], journal: list[Said], corrected: list[str], expected: list[str]
) -> None:
    assert told(candidates, journal, corrected) == expected


def test_a_repeat_says_in_which_batch_it_stands_and_a_correction_what_it_takes_back() -> None:
    decision = decide(rows(A, Said("v", 0, VOID, "b")), Known(rows(A, Said("b", 9), Said("c", 8), batch=7)))
    assert decision.recorded_in == {0: 7}
    assert decision.reversals[1]["charge_fen"].tolist() == [9]


NAMES = st.sampled_from("abcd")
SAID = st.builds(Said, NAMES, st.integers(0, 1)) | st.builds(
    Said, NAMES, st.just(0), st.sampled_from([REPLACE, VOID]), NAMES
).filter(lambda said: said.name != said.corrects)


@given(st.lists(SAID, max_size=10), st.integers(0, 10))
def test_where_a_delivery_is_cut_changes_nothing(said: list[Said], cut: int) -> None:
    """One batch, or two with the journal between: the same records are accepted and the same take something back."""
    whole = decide(rows(*said), Known.nothing())
    first = decide(rows(*said[:cut]), Known.nothing())
    standing = [one for one, status in zip(said[:cut], first.status, strict=True) if status == ACCEPTED]
    known = Known(
        rows(*standing, batch=1), frozenset(reversal["key"][0].tobytes() for reversal in first.reversals.values())
    )
    second = decide(rows(*said[cut:]), known)
    assert whole.status.tolist() == [*first.status.tolist(), *second.status.tolist()]
    assert sorted(whole.reversals) == sorted([*first.reversals, *(len(said[:cut]) + i for i in second.reversals)])


@given(st.lists(SAID, max_size=12))
def test_every_id_is_accepted_once_and_corrected_once(said: list[Said]) -> None:
    decision = decide(rows(*said), Known.nothing())
    accepted = [one for one, status in zip(said, decision.status, strict=True) if status == ACCEPTED]
    assert len({one.name for one in accepted}) == len(accepted)
    corrected = [one.corrects for one in accepted if one.corrects]
    assert len(set(corrected)) == len(corrected)


@pytest.mark.parametrize("action", [RECORD, VOID])
@pytest.mark.parametrize("in_journal", [True, False])
@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((7, 0), (7, 0), DUPLICATE),
        ((7, SOURCE_A), (7, SOURCE_A), DUPLICATE),
        ((7, SOURCE_A), (7, SOURCE_B), CONFLICT),
        ((7, 0), (7, SOURCE_A), DUPLICATE),
        ((7, SOURCE_A), (7, 0), DUPLICATE),
        ((7, 0), (8, 0), CONFLICT),
        ((7, 0), (8, SOURCE_A), CONFLICT),
        ((7, SOURCE_A), (8, 0), CONFLICT),
        ((7, SOURCE_A), (8, SOURCE_A), CONFLICT),
    ],
)
def test_two_sources_of_events_say_different_things_and_no_source_contradicts_none(
    first: tuple[int, int], second: tuple[int, int], expected: int, *, in_journal: bool, action: int
) -> None:
    said = Said("v", 0, action, "a" if action == VOID else "")
    entries = rows(said, said)
    entries["evidence_digest"] = [evidence ^ source for evidence, source in (first, second)]
    sources = np.array([source for _, source in (first, second)])
    target = rows(Said("a"), batch=7)
    if in_journal:
        decision = decide(entries[1:], Known(np.concatenate([target, entries[:1]])), sources[1:])
    else:
        decision = decide(entries, Known(target), sources)
    assert decision.status.tolist()[-1] == expected
