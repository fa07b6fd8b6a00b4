"""A body that is answered before its end: what is left of it comes in time, or the connection ends."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from starlette.types import Receive, Scope, Send

from api.http import protocol
from tests.faults.test_http import speaking


async def early(_: Scope, __: Receive, send: Send) -> None:
    """An application that answers without reading a body: to a key that is unknown, say."""
    await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize("head", [b"Content-Length: 5000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"])
async def test_a_body_that_was_answered_before_its_end_does_not_trickle_without_end(
    monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    """Nobody reads it any more; a byte now and then would keep the connection for as long as the client likes."""
    monkeypatch.setattr(protocol, "REST_SECONDS", 0.5)
    async with speaking(early) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /a HTTP/1.1\r\nHost: x\r\n" + head)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 401")
        ended = asyncio.create_task(reader.read())
        with contextlib.suppress(OSError):
            for _ in range(100):
                writer.write(b"1\r\nx\r\n" if b"chunked" in head else b"x")
                await writer.drain()
                if (await asyncio.wait({ended}, timeout=0.1))[0]:
                    break
        assert ended.done(), "it may trickle without end"
        writer.close()


async def test_a_body_that_was_answered_before_its_end_and_comes_in_time_is_followed_by_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(protocol, "REST_SECONDS", 0.5)
    async with speaking(early) as port:
        request = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(request)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 401")
            writer.write(b"1234")
        await asyncio.sleep(1)
        writer.write(request + b"1234")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 401")
        writer.close()
