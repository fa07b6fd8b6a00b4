"""Which records of a delivery are recorded, and which are repeats, conflicts or impossible corrections.

Pure: the store says what the journal holds under the keys in question; this says what follows (rules R-DUP, R-CORR).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from meter.journal.rows.layout import CONTENT, ENTRY, NO_KEY, RECORD, VOID

ACCEPTED, DUPLICATE, CONFLICT, REFUSED = 0, 1, 2, 3
STATUS_WORDS = {ACCEPTED: "accepted", DUPLICATE: "duplicate", CONFLICT: "conflict", REFUSED: "refused"}

OTHER_CONTENT = tuple(name for name in CONTENT if name != "evidence_digest")
LOW_HALF = 0xFFFF_FFFF

CONFLICT_CODE = "id_already_recorded_with_other_content"
REFUSALS = {
    "corrects_unknown_record": "no record of this source has the id that is to be corrected",
    "corrects_void_record": "the record to be corrected is a void: nothing is left to correct",
    "already_corrected": "the record has already been corrected; name its latest version",
    "corrects_itself": "a record cannot correct itself",
}


@dataclass(frozen=True)
class Known:
    """What the journal holds already: entries (ENTRY) by the keys asked for, and which of these are corrected."""

    entries: npt.NDArray[np.void]
    corrected: frozenset[bytes] = frozenset()

    @classmethod
    def nothing(cls) -> Known:
        return cls(np.empty(0, ENTRY))


@dataclass(frozen=True)
class Decision:
    """The outcome of each candidate, in the order of the candidates."""

    status: npt.NDArray[np.int8]
    codes: dict[int, str] = field(default_factory=dict)
    """Position -> code, for conflicts and refusals."""
    details: dict[int, str] = field(default_factory=dict)
    reversals: dict[int, npt.NDArray[np.void]] = field(default_factory=dict)
    """Position of an accepted correction -> the entry that no longer counts, as an array of one."""
    recorded_in: dict[int, int] = field(default_factory=dict)
    """Position -> batch in which a repeat already stands (0: in this very transaction)."""
    firsts: dict[int, npt.NDArray[np.void]] = field(default_factory=dict)
    """Position of a conflict -> the version that stands, as an array of one."""


def is_plain(candidates: npt.NDArray[np.void]) -> bool:
    """Return whether no candidate repeats another and none corrects anything: then only the journal can object."""
    if not len(candidates):
        return True
    heads = np.sort(_heads(candidates["key"]))
    return bool((candidates["action"] == RECORD).all() and (heads[1:] != heads[:-1]).all())


def decide(
    candidates: npt.NDArray[np.void], known: Known, event_sources: npt.NDArray[np.int64] | None = None
) -> Decision:
    """Decide each candidate (ENTRY; batch 0) in order of arrival, against the journal and against those before it.

    `event_sources` is what the source of each candidate's event added to its evidence digest, 0 where it is no event.
    """
    sources = np.zeros(len(candidates), np.int64) if event_sources is None else event_sources
    decision = Decision(np.zeros(len(candidates), np.int8))
    if not len(known.entries) and is_plain(candidates):
        return decision
    open_to_question = _tangled(candidates, known)
    _resolve_repeats(candidates, known, sources, open_to_question, decision)
    _decide_one_by_one(candidates, known, sources, np.flatnonzero(open_to_question).tolist(), decision)
    return decision


def _decide_one_by_one(
    candidates: npt.NDArray[np.void],
    known: Known,
    sources: npt.NDArray[np.int64],
    positions: list[int],
    decision: Decision,
) -> None:
    standing = {row["key"].tobytes(): known.entries[i : i + 1] for i, row in enumerate(known.entries)}
    corrected = set(known.corrected)
    for position in positions:
        row = candidates[position : position + 1]
        key = row["key"][0].tobytes()
        first = standing.get(key)
        if first is not None:
            decision.recorded_in[position] = int(first["batch"][0])
            if _same_content(row, first, sources[position : position + 1]).all():
                decision.status[position] = DUPLICATE
            else:
                decision.status[position] = CONFLICT
                decision.firsts[position] = first
                decision.codes[position] = CONFLICT_CODE
                decision.details[position] = "the first version stands; this one is kept in quarantine for a person"
            continue
        if row["action"][0] != RECORD:
            target = row["corrects"][0].tobytes()
            code = _objection(key, target, standing, corrected)
            if code:
                decision.status[position] = REFUSED
                decision.codes[position] = code
                decision.details[position] = REFUSALS[code]
                continue
            corrected.add(target)
            decision.reversals[position] = standing[target]
        standing[key] = row


def _tangled(candidates: npt.NDArray[np.void], known: Known) -> npt.NDArray[np.bool_]:
    """Return which candidates may have to do with another candidate or with an entry; the others are simply new."""
    heads = _heads(candidates["key"])
    corrections = candidates["action"] != RECORD
    concerned = np.concatenate((_heads(known.entries["key"]), _heads(candidates["corrects"][corrections])))
    order = np.argsort(heads, kind="stable")
    same = np.zeros(len(heads) + 1, np.bool_)
    same[1:-1] = heads[order][1:] == heads[order][:-1]
    repeated = np.zeros(len(heads), np.bool_)
    repeated[order] = same[1:] | same[:-1]
    found: npt.NDArray[np.bool_] = corrections | repeated | np.isin(heads, concerned)
    return found


def _resolve_repeats(
    candidates: npt.NDArray[np.void],
    known: Known,
    sources: npt.NDArray[np.int64],
    open_to_question: npt.NDArray[np.bool_],
    decision: Decision,
) -> None:
    """Decide at once what repeats an entry word for word and corrects nothing."""
    rows = np.flatnonzero(open_to_question & (candidates["action"] == RECORD))
    entries = known.entries[np.argsort(_heads(known.entries["key"]), kind="stable")]
    if not len(rows) or not len(entries):
        return
    heads = _heads(entries["key"])
    places = np.minimum(np.searchsorted(heads, _heads(candidates["key"][rows])), len(entries) - 1)
    mine, theirs = candidates[rows], entries[places]
    same = (mine["key"] == theirs["key"]) & _same_content(mine, theirs, sources[rows])
    resolved = rows[same]
    decision.status[resolved] = DUPLICATE
    decision.recorded_in.update(zip(resolved.tolist(), entries["batch"][places[same]].tolist(), strict=True))
    open_to_question[resolved] = False


def _heads(keys: npt.NDArray[np.void]) -> npt.NDArray[np.uint64]:
    """Return the first eight bytes of each key: enough to tell most apart, and numbers."""
    return np.frombuffer(np.ascontiguousarray(keys).tobytes(), np.uint64)[::2]


def _same_content(
    mine: npt.NDArray[np.void], theirs: npt.NDArray[np.void], sources: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Return whether each candidate says what the version that stands says.

    Where only one of the two came as an event, the event's source is nothing that the other contradicts. Then their
    evidence digests differ by that source alone: by the candidate's own, or, if it has none, in the upper half.
    """
    same = np.ones(len(mine), np.bool_)
    for name in OTHER_CONTENT:
        same &= mine[name] == theirs[name]
    difference = mine["evidence_digest"] ^ theirs["evidence_digest"]
    one_event = np.where(sources != 0, difference == sources, (difference & LOW_HALF) == 0)
    found: npt.NDArray[np.bool_] = same & ((difference == 0) | one_event)
    return found


def _objection(
    key: bytes, target: bytes, standing: dict[bytes, npt.NDArray[np.void]], corrected: set[bytes]
) -> str | None:
    """Return why `target` cannot be corrected, or None."""
    assert target != NO_KEY
    if target == key:
        return "corrects_itself"
    if target not in standing:
        return "corrects_unknown_record"
    if standing[target]["action"][0] == VOID:
        return "corrects_void_record"
    return "already_corrected" if target in corrected else None
