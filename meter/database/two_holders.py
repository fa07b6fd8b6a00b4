"""Keys sealed so that any two of several holders open them together, and none alone.

Each holder has a passphrase. The keys are sealed under a random key, and that once for every pair of holders, under
what follows from both passphrases (scrypt, then AES-256-GCM). One holder who is away does not lose the keys, where
there are three; one who is alone does not get them.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT: Final = "suanbu-keys/1"
FEWEST, MOST = 2, 9
FEWEST_CHARACTERS: Final = 12
_COST: Final = {"n": 2**15, "r": 8, "p": 1, "maxmem": 64 * 1024 * 1024, "dklen": 32}


class CannotOpen(Exception):
    """The passphrases are not those of two holders, or the file was changed."""


def seal_for_holders(keys: Mapping[str, str], passphrases: Sequence[str]) -> str:
    """Seal named keys; raises ValueError where passphrases are too few, too short or equal."""
    if not FEWEST <= len(passphrases) <= MOST:
        raise ValueError(f"keys are sealed for {FEWEST} to {MOST} holders, each with a passphrase")
    if len(set(passphrases)) < len(passphrases):
        raise ValueError("two holders have one passphrase: then one of them could open the keys alone")
    if any(len(one) < FEWEST_CHARACTERS for one in passphrases):
        raise ValueError(f"a passphrase has at least {FEWEST_CHARACTERS} characters")
    salt, key = secrets.token_bytes(16), secrets.token_bytes(32)
    derived = [_derived(one, salt) for one in passphrases]
    return json.dumps(
        {
            "format": FORMAT,
            "salt": _spelled(salt),
            "pairs": [_sealed(_of_both(*pair), key) for pair in itertools.combinations(derived, 2)],
            "keys": _sealed(key, json.dumps(dict(keys), sort_keys=True).encode()),
        },
        indent=1,
    )


def open_with_two(sealed: str, first: str, second: str) -> dict[str, str]:
    """The keys, with the passphrases of two holders. Raises CannotOpen."""
    try:
        found = json.loads(sealed)
        salt = base64.b64decode(found["salt"])
        one, other = _derived(first, salt), _derived(second, salt)
        for pair, both in itertools.product(found["pairs"], (_of_both(one, other), _of_both(other, one))):
            try:
                key = _opened(both, pair)
            except InvalidTag:
                continue
            return {str(name): str(text) for name, text in json.loads(_opened(key, found["keys"])).items()}
    except (ValueError, KeyError, TypeError, InvalidTag):
        raise CannotOpen("the file of keys is not as it was written") from None
    raise CannotOpen("these are not the passphrases of two holders")


def _derived(passphrase: str, salt: bytes) -> bytes:
    return hashlib.scrypt(passphrase.encode(), salt=salt, **_COST)


def _of_both(first: bytes, second: bytes) -> bytes:
    return hashlib.sha256(b"suanbu holders\0" + first + second).digest()


def _sealed(key: bytes, plain: bytes) -> str:
    nonce = secrets.token_bytes(12)
    return _spelled(nonce + AESGCM(key).encrypt(nonce, plain, FORMAT.encode()))


def _opened(key: bytes, sealed: str) -> bytes:
    raw = base64.b64decode(sealed, validate=True)
    return AESGCM(key).decrypt(raw[:12], raw[12:], FORMAT.encode())


def _spelled(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
