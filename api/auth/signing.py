"""Signed requests: for keys that ask for it, each request carries an HMAC and is taken once.

The request names its key and does not carry the secret, which is what it is signed with:

    Authorization: Bearer suanbu_PREFIX    (the key up to its second underscore)
    Suanbu-Time: seconds since 1970
    Suanbu-Nonce: 16 to 64 letters and digits, never used before with this key
    Suanbu-Signature: hex of HMAC-SHA256(SHA-256(the key's secret part), text)

where the text is method, path with query, hex SHA-256 of the body as sent, time and nonce, with line feeds between.
A nonce is remembered in the database for as long as its time would be accepted, so a request cannot be played again
after a restart or to another worker.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime, timedelta

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncEngine

from api.auth.store import has_signed, take_nonce
from api.http.body_budget import body_budget_of
from api.http.problem import Problem
from meter.database.scope import NOBODY, acting

WINDOW = timedelta(minutes=5)
NONCE_CHARACTERS = (16, 64)
_HEXADECIMAL = re.compile("[0-9a-fA-F]{64}")


def signature(secret_digest: bytes, method: str, path: str, body: bytes, time: str, nonce: str) -> str:
    """The signature of a request; `secret_digest` is the SHA-256 of the key's secret part."""
    return hmac.new(secret_digest, _text(method, path, body, time, nonce), hashlib.sha256).hexdigest()


async def check(engine: AsyncEngine, request: Request, key_id: int, prefix: str, now: datetime) -> str:
    """Return the proof that a request is signed, fresh and new, or raise Problem 401. Leaves the body to be read again.

    The database compares: this process knows nothing that signs.
    """
    time, nonce = request.headers.get("suanbu-time", ""), request.headers.get("suanbu-nonce", "")
    given = request.headers.get("suanbu-signature", "")
    if not given.isascii():
        raise Problem(401, "bad_signature", "Suanbu-Signature is hexadecimal")
    if not given:
        raise Problem(401, "signature_missing", "requests with this key are signed; see Suanbu-Signature")
    shortest, longest = NONCE_CHARACTERS
    if not (time.isascii() and time.isdigit() and len(time) <= 12 and nonce.isascii() and nonce.isalnum()):
        raise Problem(401, "bad_signature", "Suanbu-Time is whole seconds, Suanbu-Nonce letters and digits")
    if not shortest <= len(nonce) <= longest:
        raise Problem(401, "bad_signature", f"Suanbu-Nonce has {shortest} to {longest} characters")
    if abs(int(time) - now.timestamp()) > WINDOW.total_seconds():
        raise Problem(401, "stale_signature", "Suanbu-Time is more than five minutes away from ours")
    body = await body_budget_of(request).early(request)
    query = request.url.query
    path = request.url.path + (f"?{query}" if query else "")
    text = _text(request.method, path, body, time, nonce)
    with acting(NOBODY):
        async with engine.begin() as connection:
            if not (_HEXADECIMAL.fullmatch(given) and await has_signed(connection, prefix, text, bytes.fromhex(given))):
                raise Problem(401, "bad_signature", "the signature does not fit the request")
            if not await take_nonce(connection, key_id, nonce, now, 3 * WINDOW):
                raise Problem(401, "replayed_request", "this nonce was used before")
    return f"signed:{prefix}:{given.lower()}:{text.hex()}"


def _text(method: str, path: str, body: bytes, time: str, nonce: str) -> bytes:
    """What is signed of a request."""
    return "\n".join((method, path, hashlib.sha256(body).hexdigest(), time, nonce)).encode()
