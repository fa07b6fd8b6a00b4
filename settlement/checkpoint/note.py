"""Checkpoints as signed notes: the forms tlog-checkpoint, signed-note and tlog-cosignature of C2SP, with Ed25519.

A note is a text and lines of signatures; a checkpoint's text is an origin, the size of the tree and its root.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNS, COSIGNS = 1, 4  # the kinds of key: of a log, of a witness
NOTE_MAX = 100_000  # bytes
_MARK = "— "


class NotSigned(Exception):
    """The text is no checkpoint, or not signed by the key that it should be signed by."""


@dataclass(frozen=True)
class Verifier:
    """Whose signatures are looked for: a name, what kind of key, and the public key."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes by which a signature line says which key it is by."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes((self.kind,)) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(bytes((self.kind,)) + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Read a key as it is written: name+id+key. Raises NotSigned."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if len(key) != 33 or key[0] not in (SIGNS, COSIGNS) or not _is_name(name):
            raise NotSigned(f"not a verifier key: {text.strip()[:80]!r}")
        found = cls(name, key[0], key[1:])
        if found.key_id.hex() != key_id:
            raise NotSigned("the verifier key does not have the id that it says")
        return found


@dataclass(frozen=True)
class Checkpoint:
    """A signed statement: the tree of this origin has so many leaves and this root."""

    origin: str
    size: int
    root: bytes
    text: str
    signatures: tuple[tuple[str, bytes], ...]

    def note(self) -> str:
        """Return the note as it is kept."""
        lines = (f"{_MARK}{name} {base64.b64encode(said).decode()}\n" for name, said in self.signatures)
        return f"{self.text}\n{''.join(lines)}"

    def signed_by(self, verifier: Verifier) -> int | None:
        """Return when a verifier's key signed this: epoch seconds, 0 for a log's key (which says no time), None if it
        did not.

        Raises NotSigned where a signature that says to be by this key does not fit.
        """
        for name, said in self.signatures:
            if name == verifier.name and said[:4] == verifier.key_id:
                return _checked(verifier, self.text, said[4:])
        return None

    def with_signature(self, name: str, said: bytes) -> Checkpoint:
        """Return the same with one signature more."""
        return Checkpoint(self.origin, self.size, self.root, self.text, (*self.signatures, (name, said)))


def _checked(verifier: Verifier, text: str, said: bytes) -> int:
    moment, message = 0, text.encode()
    if verifier.kind == COSIGNS:
        moment, said = int.from_bytes(said[:8]), said[8:]
        message = cosigned_message(text, moment)
    try:
        Ed25519PublicKey.from_public_bytes(verifier.public).verify(said, message)
    except InvalidSignature:
        raise NotSigned(f"the signature by {verifier.name} does not fit the text: it was changed") from None
    return moment


def cosigned_message(text: str, moment: int) -> bytes:
    """Return what a witness signs."""
    return f"cosignature/v1\ntime {moment}\n{text}".encode()


def verifier_of(name: str, kind: int, key: Ed25519PrivateKey) -> Verifier:
    """Return the public side of a key."""
    return Verifier(name, kind, key.public_key().public_bytes_raw())


def sign(origin: str, size: int, root: bytes, key: Ed25519PrivateKey) -> Checkpoint:
    """Return a checkpoint signed by the log's own key, which is named as the origin."""
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    said = verifier_of(origin, SIGNS, key).key_id + key.sign(text.encode())
    return Checkpoint(origin, size, root, text, ((origin, said),))


def cosign(checkpoint: Checkpoint, name: str, key: Ed25519PrivateKey, moment: int) -> Checkpoint:
    """Return the checkpoint with a witness's signature at a moment (epoch seconds)."""
    said = verifier_of(name, COSIGNS, key).key_id + moment.to_bytes(8)
    return checkpoint.with_signature(name, said + key.sign(cosigned_message(checkpoint.text, moment)))


def parse(note: str) -> Checkpoint:
    """Return a note as a checkpoint; no signature is checked. Raises NotSigned."""
    text, blank, tail = note.partition("\n\n")
    lines = tail.split("\n")
    fields = text.split("\n")
    if len(note) > NOTE_MAX or not blank or lines[-1] != "" or len(fields) < 3:
        raise NotSigned("this is not a signed note")
    try:
        size, root = int(fields[1]), base64.b64decode(fields[2], validate=True)
        signatures = [_signature(line) for line in lines[:-1]]
    except (ValueError, binascii.Error):
        raise NotSigned("this is not a signed checkpoint") from None
    if str(size) != fields[1] or size < 0 or len(root) != 32 or not fields[0] or not signatures:
        raise NotSigned("this is not a signed checkpoint")
    return Checkpoint(fields[0], size, root, f"{text}\n", tuple(signatures))


def opened(note: str, trusted: Verifier | None) -> Checkpoint:
    """Return the checkpoint of a note that a trusted key has signed (None: anybody). Raises NotSigned."""
    found = parse(note)
    if trusted is not None and found.signed_by(trusted) is None:
        raise NotSigned(f"not signed by {trusted.name} with the key {trusted.key_id.hex()}, but by another key")
    return found


def request(old: int, proof: Sequence[bytes], checkpoint: Checkpoint) -> str:
    """Return what a witness is handed (add-checkpoint of tlog-witness): the size it knows, a consistency proof, the
    note."""
    lines = "".join(f"{base64.b64encode(node).decode()}\n" for node in proof)
    return f"old {old}\n{lines}\n{checkpoint.note()}"


def parse_request(text: str) -> tuple[int, list[bytes], Checkpoint]:
    """Read what a witness is handed. Raises NotSigned."""
    head, _, note = text.partition("\n\n")
    first, *lines = head.split("\n")
    try:
        if not first.startswith("old ") or len(lines) > 63:
            raise ValueError
        old = int(first[4:])
        proof = [base64.b64decode(line, validate=True) for line in lines]
    except (ValueError, binascii.Error):
        raise NotSigned(
            "this is not a request to a witness: `old SIZE`, a proof, an empty line, a checkpoint"
        ) from None
    return old, proof, parse(note)


def _signature(line: str) -> tuple[str, bytes]:
    name, _, encoded = line.removeprefix(_MARK).partition(" ")
    said = base64.b64decode(encoded, validate=True)
    if not line.startswith(_MARK) or not _is_name(name) or len(said) < 5:
        raise ValueError
    return name, said


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(letter.isspace() for letter in name)
