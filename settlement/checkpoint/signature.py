"""The installation's Ed25519 key, statements signed with it, and checkpoints of the former form read back."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from meter.database.seal import secret_file
from meter.private_files import make_folders
from settlement.checkpoint.note import NotSigned
from settlement.checkpoint.statement import FORMAT, spelled

ALGORITHM = "Ed25519"
KEY_FILE, PUBLIC_FILE = "checkpoint.key", "checkpoint.pub"


def signing_key(data: Path) -> Ed25519PrivateKey:
    """Return the installation's key, from a file under `data` that only its owner reads; made when it is absent."""
    make_folders(data)
    text = secret_file(data / KEY_FILE, lambda: Ed25519PrivateKey.generate().private_bytes_raw().hex())
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text))
    public = data / PUBLIC_FILE
    if not public.exists():
        public.write_text(key.public_key().public_bytes_raw().hex() + "\n")
    return key


def origin_of(key: Ed25519PrivateKey) -> str:
    """Whose log it is that checkpoints are of: SUANBU_ORIGIN, or a name made of the key."""
    given = os.environ.get("SUANBU_ORIGIN", "")
    return given or f"suanbu/{hashlib.sha256(key.public_key().public_bytes_raw()).hexdigest()[:16]}"


def signed(statement: dict[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """Return the statement with its signature, as it is written to a file."""
    public = key.public_key().public_bytes_raw()
    return {
        "statement": statement,
        "signature": {
            "algorithm": ALGORITHM,
            "public_key": public.hex(),
            "fingerprint": fingerprint(public),
            "value": key.sign(spelled(statement)).hex(),
        },
    }


def fingerprint(public: bytes) -> str:
    """Return a short name of a public key, for printing on paper."""
    return "sha256:" + hashlib.sha256(public).hexdigest()[:32]


def opened(text: bytes, trusted: bytes | None) -> dict[str, Any]:
    """Return the statement of a checkpoint file, whose signature is good and by the trusted public key (None: by any).

    Raises NotSigned.
    """
    try:
        found = json.loads(text)
        statement, signature = found["statement"], found["signature"]
        public, value = bytes.fromhex(signature["public_key"]), bytes.fromhex(signature["value"])
        if signature["algorithm"] != ALGORITHM or statement["format"] != FORMAT:
            raise NotSigned(f"only {FORMAT} signed with {ALGORITHM} is understood")
        if trusted is not None and public != trusted:
            raise NotSigned(f"signed by another key: {fingerprint(public)} instead of {fingerprint(trusted)}")
        Ed25519PublicKey.from_public_bytes(public).verify(value, spelled(statement))
    except InvalidSignature:
        raise NotSigned("the signature does not fit the statement: the file was changed") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotSigned("this is not a checkpoint") from None
    if not isinstance(statement, dict):
        raise NotSigned("this is not a checkpoint")
    return statement
