"""A witness: somebody else, who has seen a log's last checkpoint and signs a new one only where it extends that one.

What was seen is one file with the last note; the forms are those of tlog-witness and tlog-cosignature (C2SP).
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from meter.private_files import opened_privately
from settlement.checkpoint import note
from settlement.checkpoint.tree import EMPTY, ProofWrong, check_consistency


class Refused(Exception):
    """The witness does not sign: what it is shown does not extend what it saw, or is not signed by the log."""


def last_seen(state: Path, log: note.Verifier) -> note.Checkpoint | None:
    """Return the checkpoint that was seen last; None at the beginning. Raises Refused for a file of another log."""
    if not state.exists():
        return None
    try:
        seen = note.opened(state.read_text(encoding="utf-8"), log)
    except note.NotSigned as error:
        raise Refused(f"{state} does not hold a checkpoint of this log: {error}") from None
    return seen


def witness(
    text: str, state: Path, log: note.Verifier, name: str, key: Ed25519PrivateKey, moment: int
) -> note.Checkpoint:
    """Return the checkpoint of a request with the witness's signature, once it is written down as seen.

    Raises Refused where it is not of the log, or does not begin with all that was seen.
    """
    try:
        old, proof, new = note.parse_request(text)
        if new.signed_by(log) is None:
            raise Refused(f"it is not signed by {log.name} with the key {log.key_id.hex()}")
    except note.NotSigned as error:
        raise Refused(str(error)) from None
    if new.origin != log.name:
        raise Refused(f"it is of another log: {new.origin}")
    seen = last_seen(state, log)
    size, root = (seen.size, seen.root) if seen else (0, EMPTY)
    if old != size:
        raise Refused(f"the proof begins at {old} leaves, the last checkpoint seen has {size}: ask for one from {size}")
    try:
        check_consistency(size, new.size, root, new.root, proof)
    except ProofWrong as error:
        raise Refused(f"it does not extend the checkpoint of {size} leaves that was seen: {error}") from None
    _keep(state, new)
    return note.cosign(new, name, key, moment)


def _keep(state: Path, seen: note.Checkpoint) -> None:
    """Write the last seen checkpoint down before anything is signed: on the disk, or not at all."""
    fresh = state.with_name(state.name + ".new")
    fresh.unlink(missing_ok=True)
    with opened_privately(fresh) as file:
        file.write(seen.note().encode())
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(state)
    folder = os.open(state.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
