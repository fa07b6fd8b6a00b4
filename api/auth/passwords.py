"""Passwords: argon2id hashes, made and checked outside every transaction and few at a time."""

from __future__ import annotations

import asyncio
import base64
import functools
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

PASSWORD_CHARACTERS = (8, 256)
_HASHER = PasswordHasher()  # argon2id, the library's defaults (RFC 9106, low memory)


def hashed(password: str) -> str:
    """Return the hash that is stored of a password."""
    return _HASHER.hash(password)


async def fits(kept: str | None, password: str) -> bool:
    """Whether a password has this hash; None is the hash of nobody, which takes as long and never fits."""
    return await asyncio.to_thread(_verified, kept or _hash_of_nobody(), password)  # it is meant to take long


def _verified(kept: str, password: str) -> bool:
    try:
        return _HASHER.verify(kept, password[: PASSWORD_CHARACTERS[1]])
    except VerificationError:
        return False


@functools.cache
def _hash_of_nobody() -> str:
    """A hash that no password has and that takes as long to verify as any: for names that nobody has."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
        for size in (_HASHER.salt_len, _HASHER.hash_len)
    )
    costs = f"m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${digest}"
