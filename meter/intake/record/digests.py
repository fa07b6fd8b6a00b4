"""BLAKE2s keys of record ids and digests of order and evidence texts, with the standard library."""

import hashlib

ORDER_SALT = b"order\0\0\0"
EVIDENCE_SALT = b"evidence"
EVENT_SOURCE_SALT = b"evsource"
LOW_HALF = 0xFFFF_FFFF
KEY_BYTES = 16


def salt_of_source(source_number: int) -> bytes:
    """Return the salt that keeps the ids of different sources apart."""
    return source_number.to_bytes(8, "little")


def key_of(identity: str, source_number: int) -> bytes:
    """Return the 16 bytes that stand for a record id of a source in the journal."""
    salt = salt_of_source(source_number)
    return hashlib.blake2s(identity.encode("ascii"), digest_size=KEY_BYTES, salt=salt).digest()


def digest_of(text: str | None, salt: bytes) -> int:
    """Return a signed 64-bit digest of an order or evidence text: 0 when absent, never 0 when present."""
    if text is None:
        return 0
    digest = hashlib.blake2s(text.encode(), digest_size=KEY_BYTES, salt=salt).digest()
    return int.from_bytes(digest[:8], "little", signed=True) or 1


def mark_of_source(text: str | None) -> int:
    """Return what an event's source adds to the digest of its evidence: 32 bits above 32 zeros, 0 only when absent.

    So a row tells two sources apart, and its lower half still says whether the evidence is the same.
    """
    high = digest_of(text, EVENT_SOURCE_SALT) & ~LOW_HALF
    return high if high or text is None else LOW_HALF + 1
