"""Sealing what only some may read: AES-256-GCM under a key that is kept outside the database.

A sealed text is `aes-256-gcm:` and base64 of nonce, ciphertext and tag; what it belongs to is bound into the tag, so it
cannot be moved to another row. The nonce follows from the text (an HMAC under a second key), so that equal texts of
equal owners are sealed alike and repeats can be recognised; that two sealed values are equal is all this tells.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from meter.private_files import make_folders

MARK = "aes-256-gcm:"
KEY_FILE = "seal.key"
ENVIRONMENT = "SUANBU_SEAL_KEY"
NONCE_BYTES = 12


class CannotUnseal(Exception):
    """The text was sealed under another key, or for something else, or was changed."""


@dataclass(frozen=True)
class Seal:
    """The two keys that follow from the one that is kept."""

    cipher: AESGCM
    naming: bytes

    @classmethod
    def of(cls, key: bytes) -> Seal:
        """Make the seal from 32 random bytes."""
        if len(key) != 32:
            raise ValueError("a sealing key has 32 bytes")
        return cls(
            AESGCM(hmac.new(key, b"suanbu cipher", hashlib.sha256).digest()),
            hmac.new(key, b"suanbu nonce", hashlib.sha256).digest(),
        )

    def seal(self, text: str, owner: str) -> str:
        """Return the text, readable only with the key, and only as the owner's."""
        plain, bound = text.encode(), owner.encode()
        nonce = hmac.new(self.naming, bound + b"\0" + plain, hashlib.sha256).digest()[:NONCE_BYTES]
        return MARK + base64.b64encode(nonce + self.cipher.encrypt(nonce, plain, bound)).decode()

    def unseal(self, sealed: str, owner: str) -> str:
        """Return the text again. Raises CannotUnseal."""
        try:
            if not sealed.startswith(MARK):
                raise CannotUnseal("this is no sealed text")
            raw = base64.b64decode(sealed[len(MARK) :], validate=True)
            return self.cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], owner.encode()).decode()
        except (InvalidTag, ValueError):
            raise CannotUnseal("sealed under another key, for another owner, or changed") from None


def ensure_seal(data: Path) -> Seal:
    """Return the seal of this installation: the key from SUANBU_SEAL_KEY (hex), else from a file under `data`, made if
    absent.

    Leaves the key in the environment, where worker processes find it.
    """
    given = os.environ.get(ENVIRONMENT)
    if not given:
        make_folders(data)
        given = secret_file(data / KEY_FILE, lambda: secrets.token_hex(32))
        os.environ[ENVIRONMENT] = given
    return Seal.of(bytes.fromhex(given))


def seal_from_environment() -> Seal | None:
    """Return the seal whose key the parent process left, or None."""
    given = os.environ.get(ENVIRONMENT)
    return _seal(given) if given else None


@functools.cache
def _seal(key: str) -> Seal:
    return Seal.of(bytes.fromhex(key))


def secret_file(path: Path, make: object) -> str:
    """Return the text of a file that only its owner can read; made whole or not at all when it is absent."""
    assert callable(make)
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
        descriptor = os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(make() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)  # whoever was first wins; nobody sees half a key
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()
