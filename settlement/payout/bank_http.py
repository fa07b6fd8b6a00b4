"""A bank or treasury over HTTP: a payment order under our reference as its idempotency key, and a query by reference.

`POST {url}/payments` with `Idempotency-Key: REFERENCE` hands a payment over; `GET {url}/payments/{reference}` asks what
became of it. Both answer one flat JSON object with `reference`, `status` (paid, failed, returned, working, not_found),
and, where money moved, `bank_reference` and `amount_fen`. Whatever else comes back, or nothing in time, is silence: the
payment may have been made, so the bank is asked before anything is sent again.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from settlement.errors import NotAllowed
from settlement.payout.answers import BYTES_MAX, flat_object
from settlement.payout.bank_protocol import NOT_FOUND, Answer, AnswerRefused, BankSilent

ANSWERED: Final = frozenset({200, 201, 202, 404, 409, 422})
PIECE: Final = 8192


@dataclass(frozen=True)
class HttpBank:
    """Where the bank is, how we show who we are, and how long it may take to answer."""

    url: str
    token: str | None = field(default=None, repr=False)
    timeout_seconds: float = 10
    purpose: str = "算力补助"
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = field(default=None, repr=False)

    async def send(self, reference: str, amount_fen: int, account: Any) -> Answer:
        """Hand a payment over. Raises BankSilent, AnswerRefused."""
        order = {
            "reference": reference, "amount_fen": amount_fen, "currency": "CNY", "purpose": self.purpose,
            "payee": {name: account[name] for name in ("holder", "bank", "account")},
        }  # fmt: skip
        body = json.dumps(order, ensure_ascii=False).encode()
        return await self._in_time("POST", "", reference, body)

    async def ask(self, reference: str) -> Answer:
        """Ask what became of a reference. Raises BankSilent, AnswerRefused."""
        return await self._in_time("GET", f"/{quote(reference, safe='')}", reference, None)

    async def _in_time(self, method: str, path: str, reference: str, body: bytes | None) -> Answer:
        """Ask in a thread; a bank that trickles its head is left alone after twice the time."""
        asking = asyncio.to_thread(self._asked, method, path, reference, body)
        try:
            return await asyncio.wait_for(asking, 2 * self.timeout_seconds)
        except TimeoutError:
            raise BankSilent("the bank answers too slowly") from None

    def _asked(self, method: str, path: str, reference: str, body: bytes | None) -> Answer:
        return understood(method, *self._answered(method, path, reference, body), reference)

    def _answered(self, method: str, path: str, reference: str, body: bytes | None) -> tuple[int, bytes]:
        """Status and body, both within the time; no redirect is followed."""
        until = time.monotonic() + self.timeout_seconds
        parts = urlsplit(self.url)
        connection = self._connection(parts.scheme, parts.hostname or "", parts.port)
        try:
            connection.request(method, f"{parts.path.rstrip('/')}/payments{path}", body, self._headers(reference, body))
            answer = connection.getresponse()
            raw = bytearray()
            while len(raw) <= BYTES_MAX:
                left = until - time.monotonic()
                if left <= 0:
                    raise BankSilent("the bank answers too slowly")
                if connection.sock is not None:
                    connection.sock.settimeout(left)
                piece = answer.read1(PIECE)
                if not piece:
                    return answer.status, bytes(raw)
                raw += piece
            raise AnswerRefused(f"the answer has more than {BYTES_MAX} bytes")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise BankSilent(f"no answer: {type(error).__name__}") from None
        finally:
            connection.close()

    def _headers(self, reference: str, body: bytes | None) -> dict[str, str]:
        headers = {"Accept": "application/json", "Connection": "close"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            headers |= {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": reference}
        return headers

    def _connection(self, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        if scheme != "https":
            return http.client.HTTPConnection(host, port, timeout=self.timeout_seconds)
        trusted = ssl.create_default_context(cafile=str(self.ca) if self.ca else None)
        if self.certificate:
            trusted.load_cert_chain(str(self.certificate), str(self.key) if self.key else None)
        return http.client.HTTPSConnection(host, port, timeout=self.timeout_seconds, context=trusted)


def understood(method: str, status: int, raw: bytes, reference: str) -> Answer:
    """Read an answer, which is about this reference and no other. Raises BankSilent, AnswerRefused."""
    if status not in ANSWERED:
        raise BankSilent(f"the bank answered HTTP {status}")
    try:
        said = flat_object(raw)
    except NotAllowed as refusal:
        raise AnswerRefused(f"HTTP {status}: {refusal.detail}") from None
    if not isinstance(said, dict) or said.get("reference") != reference:
        raise AnswerRefused(f"HTTP {status}: the answer is not about {reference}")
    if status == 404 and said.get("status") != NOT_FOUND:
        raise AnswerRefused("HTTP 404 says not_found, or nothing")
    if method == "POST" and said.get("status") == NOT_FOUND:
        raise AnswerRefused("what was just handed over is not found")
    return Answer.read({**said, "outcome": said.get("status")})
