"""Which records of a delivery are recorded, and which are repeats, conflicts or impossible corrections.

Pure: the store says what the journal holds under the keys in question; this says what follows (rules R-DUP, R-CORR).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from meter.journal.row import CONTENT, ENTRY, NO_KEY, RECORD, VOID

ACCEPTED, DUPLICATE, CONFLICT, REFUSED = 0, 1, 2, 3

CONFLICT_CODE = "id_already_recorded_with_other_content"
_REFUSALS = {
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
    recorded_in: dict[int, int] = field(default_factory=dict)
    """Position -> batch in which a repeat already stands (0: in this very transaction)."""
    reversals: dict[int, npt.NDArray[np.void]] = field(default_factory=dict)
    """Position of an accepted correction -> the entry that no longer counts, as an array of one."""


def is_plain(candidates: npt.NDArray[np.void]) -> bool:
    """Whether no candidate repeats another and none corrects anything: then only the journal can object."""
    if not len(candidates):
        return True
    heads = np.sort(np.frombuffer(candidates["key"].tobytes(), "u8")[::2])
    return bool((candidates["action"] == RECORD).all() and (heads[1:] != heads[:-1]).all())


def keys_in_question(candidates: npt.NDArray[np.void]) -> list[bytes]:
    """Every key whose entry the decision needs: the candidates' own and those they correct."""
    own = {key.tobytes() for key in candidates["key"]}
    corrected = {key.tobytes() for key in candidates["corrects"][candidates["action"] != RECORD]}
    return sorted(own | corrected)


def decide(candidates: npt.NDArray[np.void], known: Known) -> Decision:
    """Decide each candidate (ENTRY; batch 0) in order of arrival, against the journal and against those before it."""
    status = np.zeros(len(candidates), np.int8)
    decision = Decision(status)
    if not len(known.entries) and is_plain(candidates):
        return decision
    standing = {row["key"].tobytes(): known.entries[i : i + 1] for i, row in enumerate(known.entries)}
    corrected = set(known.corrected)
    keys = [key.tobytes() for key in candidates["key"]]
    actions = candidates["action"].tolist()
    for position, key in enumerate(keys):
        row = candidates[position : position + 1]
        first = standing.get(key)
        if first is not None:
            decision.recorded_in[position] = int(first["batch"][0])
            if _content(row) == _content(first):
                status[position] = DUPLICATE
            else:
                status[position] = CONFLICT
                decision.codes[position] = CONFLICT_CODE
                decision.details[position] = "the first version stands; this one is kept in quarantine for a person"
            continue
        if actions[position] != RECORD:
            target = row["corrects"][0].tobytes()
            code = _objection(key, target, standing, corrected)
            if code:
                status[position] = REFUSED
                decision.codes[position] = code
                decision.details[position] = _REFUSALS[code]
                continue
            corrected.add(target)
            decision.reversals[position] = standing[target]
        standing[key] = row
    return decision


def _content(row: npt.NDArray[np.void]) -> tuple[object, ...]:
    return tuple(row[name][0].tobytes() for name in CONTENT)


def _objection(
    key: bytes, target: bytes, standing: dict[bytes, npt.NDArray[np.void]], corrected: set[bytes]
) -> str | None:
    """Why `target` cannot be corrected, or None."""
    assert target != NO_KEY
    if target == key:
        return "corrects_itself"
    if target not in standing:
        return "corrects_unknown_record"
    if standing[target]["action"][0] == VOID:
        return "corrects_void_record"
    return "already_corrected" if target in corrected else None
