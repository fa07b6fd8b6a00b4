"""HTTP/1.1 as this service speaks it: uvicorn's, with limits on heads, trailers and readers that do not read."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.http.problem import MEDIA_TYPE, Problem, document_of

HEAD_BYTES = 64 * 1024  # of request line and headers
HEAD_SECONDS = 30  # a client's own time to send them
REST_SECONDS = 30  # a client's time to send what is left of a body that was answered before its end
READ_NOTHING_SECONDS = 60  # a client that takes nothing of its answer for so long is let go
LINGER_SECONDS, LINGER_BYTES = 2, 1024 * 1024  # what is still taken and dropped, so that a refusal is not lost
UPGRADE_HEADERS = (b"connection", b"upgrade", b"http2-settings")


# Why a connection is answered and closed before there is a request that the application could answer.
MALFORMED = Problem(400, "malformed_request", "this is no HTTP/1.1, or not as long as it says")
HEAD_TOO_LARGE = Problem(431, "head_too_large", f"request line and headers: at most {HEAD_BYTES} bytes")
TRAILER_TOO_LARGE = Problem(431, "head_too_large", f"between and after the chunks: at most {HEAD_BYTES} bytes")
HEAD_TOO_SLOW = Problem(408, "head_too_slow", "request line and headers did not arrive in time")


class Protocol(HttpToolsProtocol):
    """One connection.

    An offer to upgrade (clients of HTTP/2 offer it with every request over plain TCP) is not taken up, and the request
    is answered as if it had not been made (RFC 9110, 7.8); uvicorn alone would take its body for another protocol's.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._in_head = True
        self._in_body = False
        self._begun = False  # whether the head that is being read began in the bytes at hand
        self._head_bytes = 0  # as they arrived, of a head that began in earlier bytes
        self._field_bytes = 0  # as the parser found them: of this head, or of the trailer after this body
        self._moved = False  # whether the bytes at hand held a chunk or a part of one
        self._between_bytes = 0  # since the last of them
        self._why = MALFORMED  # what is said when the parser stops
        self._dropped_bytes: int | None = None  # since the connection was refused
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None
        self._rest_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Note that a client has come, which has some time to say what it wants."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the client has gone."""
        self._stop_timer()
        self._stop_unread_timer()
        self._stop_rest_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on. Requests that offer an upgrade are read again one after another, however many there are."""
        if self._dropped_bytes is not None:
            self._dropped_bytes += len(data)
            if self._dropped_bytes > LINGER_BYTES:
                self.transport.close()
            return
        self._unset_keepalive_if_required()
        self._begun = self._moved = False
        rest = memoryview(data)
        try:
            while rest:
                try:
                    self.parser.feed_data(rest)
                    break
                except httptools.HttpParserUpgrade as offered:
                    rest = rest[offered.args[0] :]
                    self._read_head_without_offer()
        except httptools.HttpParserError:
            self._refuse(self._why)
            return
        if self._in_head:
            # of a head that began in the midst of these bytes they are no measure
            self._head_bytes += 0 if self._begun else len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(HEAD_TOO_LARGE)
            elif self._head_timer is None:
                self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_is_late)
        elif self._in_body:
            # the line after a chunk that has no end is not seen as a field: it is measured as it arrives
            self._between_bytes = 0 if self._moved else self._between_bytes + len(data)
            if self._between_bytes > HEAD_BYTES:
                self._refuse(TRAILER_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Note that a request line begins."""
        super().on_message_begin()
        self._in_head, self._in_body, self._begun, self._head_bytes, self._field_bytes = True, False, True, 0, 0

    def on_url(self, url: bytes) -> None:
        """Take a part of the path."""
        self._count(len(url), HEAD_TOO_LARGE)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or a field of the trailer, which is counted and dropped: it comes too late to be a header."""
        self._count(len(name) + len(value) + 4, HEAD_TOO_LARGE if self._in_head else TRAILER_TOO_LARGE)
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Have a request answered, unless it offers an upgrade: then it is read again without the offer."""
        self._count(len(self.parser.get_method()) + len(b"  HTTP/1.1\r\n\r\n"), HEAD_TOO_LARGE)
        self._in_head, self._in_body, self._field_bytes, self._between_bytes = False, True, 0, 0
        self._stop_timer()
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_chunk_header(self) -> None:
        """Note that the size of a chunk has arrived, or that there is none to come."""
        self._moved = True

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body. It is handed on as it is: uvicorn alone would copy it twice."""
        self._moved = True
        if self.cycle is not None and not self.cycle.body and not self.cycle.response_complete:
            self.cycle.body = body  # type: ignore[assignment]  # what arrives before it is taken is put behind it
            body = b""
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that a body has come to its end."""
        self._in_body = False
        self._stop_rest_timer()
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is written. Where it came before the end of its body, nobody but us sees to it that this ends."""
        super().on_response_complete()
        if self._in_body and self.cycle is not None and self.cycle.response_complete and self._rest_timer is None:
            self._rest_timer = self.loop.call_later(REST_SECONDS, self.transport.close)

    def pause_writing(self) -> None:
        """Note that the client is slower than its answer."""
        super().pause_writing()
        self._stop_unread_timer()
        self._look_again_at(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Note that the client has taken what was written."""
        self._stop_unread_timer()
        super().resume_writing()

    def _look_again_at(self, unread_bytes: int) -> None:
        self._unread_timer = self.loop.call_later(READ_NOTHING_SECONDS, self._is_it_read, unread_bytes)

    def _is_it_read(self, unread_bytes: int) -> None:
        """Let the client go that has taken nothing since there were so many bytes for it."""
        left = self.transport.get_write_buffer_size()
        if left < unread_bytes:
            self._look_again_at(left)
        else:
            self.transport.abort()

    def _stop_unread_timer(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _stop_rest_timer(self) -> None:
        if self._rest_timer is not None:
            self._rest_timer.cancel()
            self._rest_timer = None

    def _count(self, size: int, beyond: Problem) -> None:
        """Count what a head or trailer has so far; raising stops the parser where it is."""
        self._field_bytes += size
        if self._field_bytes > HEAD_BYTES:
            self._why = beyond
            raise ValueError(beyond.code)

    def _read_head_without_offer(self) -> None:
        """Read the head that offers an upgrade again, without the offer. Raises HttpParserError for a tunnel."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        if method == b"CONNECT":
            raise httptools.HttpParserError
        kept = [(name, value) for name, value in self.headers if name not in UPGRADE_HEADERS]
        if any(name == b"connection" and b"close" in value.lower() for name, value in self.headers):
            kept.append((b"connection", b"close"))
        lines = [b"%s %s HTTP/%s" % (method, self.url, version), *(b"%s: %s" % header for header in kept)]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(b"\r\n".join(lines) + b"\r\n\r\n")

    def _head_is_late(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing() and self._dropped_bytes is None:
            self._refuse(HEAD_TOO_SLOW)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, refusal: Problem) -> None:
        """Answer with a problem document, unless another answer is on its way, and close.

        Closing at once would reset the connection of a client that is still sending, and the answer with it.
        """
        self._stop_timer()
        self.pipeline.clear()
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.close()
            return
        body = json.dumps(document_of(refusal, (self.scope or {}).get("path", "/"))).encode()
        head = (
            b"content-type: %s\r\ncontent-length: %d\r\ncache-control: no-store\r\n"
            b"x-content-type-options: nosniff\r\nconnection: close\r\n\r\n" % (MEDIA_TYPE.encode(), len(body))
        )
        if self.cycle is not None:  # the application says nothing after this
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._dropped_bytes = 0
        self.transport.write(STATUS_LINE[refusal.status] + head + body)
        self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)
