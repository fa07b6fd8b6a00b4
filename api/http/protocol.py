"""HTTP/1.1 as this service speaks it: uvicorn's, with a limit on heads, and no body lost to an offered upgrade."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.http.problem import MEDIA_TYPE, Problem, document_of

HEAD_BYTES = 64 * 1024  # of request line and headers
HEAD_SECONDS = 30  # a client's own time to send them
UPGRADE_HEADERS = (b"connection", b"upgrade", b"http2-settings")


# Why a connection is answered and closed before there is a request that the application could answer.
MALFORMED = Problem(400, "malformed_request", "this is no HTTP/1.1, or not as long as it says")
HEAD_TOO_LARGE = Problem(431, "head_too_large", f"request line and headers: at most {HEAD_BYTES} bytes")
HEAD_TOO_SLOW = Problem(408, "head_too_slow", "request line and headers did not arrive in time")


class Protocol(HttpToolsProtocol):
    """One connection.

    An offer to upgrade (clients of HTTP/2 offer it with every request over plain TCP) is not taken up, and the request
    is answered as if it had not been made (RFC 9110, 7.8); uvicorn alone would take its body for another protocol's.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._in_head = True
        self._begun = False  # whether the head that is being read began in the bytes at hand
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come, and has some time to say what it wants."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._unset_keepalive_if_required()
        self._begun = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offered:
            self._read_without_offer(data[offered.args[0] :])
            return
        except httptools.HttpParserError:
            self._refuse(MALFORMED)
            return
        if self._in_head:
            # of a head that began in the midst of these bytes they are no measure
            self._head_bytes += 0 if self._begun else len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(HEAD_TOO_LARGE)
            elif self._head_timer is None:
                self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def on_message_begin(self) -> None:
        """A request line begins."""
        super().on_message_begin()
        self._in_head, self._begun, self._head_bytes = True, True, 0

    def on_headers_complete(self) -> None:
        """A request is to be answered, unless it offers an upgrade: then it is read again without the offer."""
        self._in_head = False
        self._stop_timer()
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body has arrived. It is handed on as it is: uvicorn alone would copy it twice."""
        if self.cycle is not None and not self.cycle.body and not self.cycle.response_complete:
            self.cycle.body = body  # type: ignore[assignment]  # what arrives before it is taken is put behind it
            body = b""
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A body has come to its end."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _read_without_offer(self, rest: bytes) -> None:
        """Read the request that offers an upgrade again, without the offer, and then what follows its head."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        if method == b"CONNECT":
            self._refuse(MALFORMED)
            return
        kept = [(name, value) for name, value in self.headers if name not in UPGRADE_HEADERS]
        if any(name == b"connection" and b"close" in value.lower() for name, value in self.headers):
            kept.append((b"connection", b"close"))
        lines = [b"%s %s HTTP/%s" % (method, self.url, version), *(b"%s: %s" % header for header in kept)]
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join(lines) + b"\r\n\r\n" + rest)

    def _head_is_late(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self._refuse(HEAD_TOO_SLOW)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, refusal: Problem) -> None:
        """Answer with a problem document, unless another answer is on its way, and close."""
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.close()
            return
        body = json.dumps(document_of(refusal, (self.scope or {}).get("path", "/"))).encode()
        head = (
            b"content-type: %s\r\ncontent-length: %d\r\ncache-control: no-store\r\n"
            b"x-content-type-options: nosniff\r\nconnection: close\r\n\r\n" % (MEDIA_TYPE.encode(), len(body))
        )
        self.transport.write(STATUS_LINE[refusal.status] + head + body)
        self.transport.close()
