"""HTTP beneath the application: what is malformed, endless or late, and clients of HTTP/2 that offer to upgrade."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from api.http import protocol
from tests.support.api_client import ApiClient, counts, good
from tests.support.records import JSON, as_array, usage
from tests.support.serving import Served, over_http

OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that answers with method, path, and the body it was sent."""
    body = f"{scope['method']} {scope['path']} ".encode()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest_asyncio.fixture
async def port() -> AsyncIterator[int]:
    """Where the protocol is spoken, with nothing but an echo behind it."""
    async with speaking(echo) as number:
        yield number


@contextlib.asynccontextmanager
async def speaking(application: Callable[[Scope, Receive, Send], Awaitable[None]]) -> AsyncIterator[int]:
    """The protocol before an application; its port."""
    config = uvicorn.Config(application, http=protocol.Protocol, ws="none", lifespan="off", log_level="critical")
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: protocol.Protocol(config, state, {}), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def told(port: int, *pieces: bytes, until: bytes = b"") -> bytes:
    """What a connection is told that sends these pieces: up to `until`, or to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    try:
        with contextlib.suppress(OSError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)
        async with asyncio.timeout(20):
            with contextlib.suppress(OSError):
                while (not until or until not in answer) and (more := await reader.read(65536)):
                    answer += more
    finally:
        writer.close()
    return answer


def refusal(answer: bytes) -> tuple[int, str]:
    """Status and code of an answer that must be a problem document and the last word on its connection."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head, answer[:300]
    assert b"connection: close" in head
    document = json.loads(body)
    assert set(document) == {"type", "title", "status", "detail", "instance", "code", "request_id"}
    assert int(head.split()[1]) == document["status"]
    return document["status"], document["code"]


MALFORMED = {
    "no HTTP at all": b"\x16\x03\x01\x00\xff\r\n\r\n",
    "a negative length": b"POST /a HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "a length in words": b"POST /a HTTP/1.1\r\nContent-Length: many\r\n\r\n",
    "a length beyond 64 bits": b"POST /a HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "two lengths": b"POST /a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a length and chunks": b"POST /a HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk of no size": b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a tunnel": b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED.keys())
async def test_what_is_malformed_is_answered_with_a_problem_document(port: int, sent: bytes) -> None:
    assert refusal(await told(port, sent)) == (400, "malformed_request")


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"GET /", b"a" * 4096),
        (b"GET / HTTP/1.1\r\nX: ", b"a" * 4096),
        (b"GET / HTTP/1.1\r\n", b"X-Header: y\r\n" * 300),
    ],
    ids=["path", "header", "headers"],
)
async def test_a_head_without_end_is_read_no_further_than_its_limit(port: int, begin: bytes, piece: bytes) -> None:
    assert refusal(await told(port, begin, *[piece] * 17)) == (431, "head_too_large")


@pytest.mark.parametrize("size", [66_000, 131_000, 250_000])
@pytest.mark.parametrize("begin", [b"GET /", b"GET / HTTP/1.1\r\nX: "], ids=["path", "header"])
async def test_a_head_that_arrives_as_a_whole_has_the_same_limit(port: int, begin: bytes, size: int) -> None:
    end = b" HTTP/1.1\r\n\r\n" if begin.endswith(b"/") else b"\r\n\r\n"
    assert refusal(await told(port, begin + b"a" * (size - len(begin) - len(end)) + end)) == (431, "head_too_large")


async def test_the_limit_of_a_head_is_exact(port: int) -> None:
    begin, end = b"GET / HTTP/1.1\r\nConnection: close\r\nX: ", b"\r\n\r\n"
    longest = begin + b"a" * (protocol.HEAD_BYTES - len(begin) - len(end)) + end
    assert (await told(port, longest)).startswith(b"HTTP/1.1 200 OK")
    assert refusal(await told(port, longest[:-4] + b"a" + end)) == (431, "head_too_large")


CHUNKED = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n12\r\n"
ENDLESS = {
    "trailer lines": (b"0\r\n", b"a:b\r\n" * 13_000),
    "a trailer line": (b"0\r\na: ", b"b" * 65_000),
    "an extension of a chunk": (b"2;a=", b"b" * 65_000),
}


@pytest.mark.parametrize(("begin", "piece"), ENDLESS.values(), ids=ENDLESS.keys())
async def test_what_comes_between_and_after_chunks_is_bounded(port: int, begin: bytes, piece: bytes) -> None:
    """20 MB are offered; the connection is closed long before they are sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = 0
    with contextlib.suppress(OSError):
        writer.write(CHUNKED + begin)
        while sent < 20_000_000 and not reader.at_eof():
            writer.write(piece)
            await asyncio.wait_for(writer.drain(), 20)
            await asyncio.sleep(0.001)
            sent += len(piece)
    writer.close()
    assert sent < 10_000_000, "what comes after the head was read without end"


async def test_trailers_are_refused_with_the_code_of_heads_and_are_no_headers(port: int) -> None:
    assert refusal(await told(port, CHUNKED + b"0\r\n" + b"a:b\r\n" * 14_000)) == (431, "head_too_large")
    fine = CHUNKED + b"0\r\nAuthorization: late\r\n\r\n" + b"GET /end HTTP/1.1\r\nConnection: close\r\n\r\n"
    answer = await told(port, fine)
    assert b"POST /a 12" in answer
    assert answer.endswith(b"GET /end ")


async def test_a_body_in_very_many_small_chunks_is_taken(port: int) -> None:
    """What stands between the chunks is more than a head may be, and never much at once."""
    sent = CHUNKED + b"1\r\nx\r\n" * 40_000 + b"0\r\n\r\nGET /end HTTP/1.1\r\nConnection: close\r\n\r\n"
    answer = await told(port, sent)
    assert b"POST /a 12" + b"x" * 40_000 in answer
    assert answer.endswith(b"GET /end ")


async def test_thousands_of_pipelined_offers_to_upgrade_are_all_answered(port: int) -> None:
    offers = (b"GET /a HTTP/1.1\r\n" + OFFER + b"\r\n") * 2_000
    answer = await told(port, offers + b"GET /end HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK") == 2_001
    assert answer.endswith(b"GET /end ")


async def test_who_reads_nothing_is_let_go_and_who_reads_slowly_is_not(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "READ_NOTHING_SECONDS", 0.3)
    body = b"b" * 30_000_000
    head = b"POST /a HTTP/1.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=65536)
    writer.write(head + body)
    received = b""
    while more := await reader.read(1_000_000):
        received += more
        await asyncio.sleep(0.02)
    assert received.endswith(body), "a reader that takes its time gets the whole answer"
    writer.close()
    lazy, writer = await asyncio.open_connection("127.0.0.1", port, limit=65536)
    writer.write(head + body)
    await writer.drain()
    await asyncio.sleep(3)
    with contextlib.suppress(OSError):
        assert len(await lazy.read(-1)) < len(body), "a reader that takes nothing keeps no connection"
    writer.close()


async def test_a_head_within_the_limit_is_taken_whatever_came_before_it(port: int) -> None:
    """The end of a large body and the next head come in one piece."""
    head = b"GET /next HTTP/1.1\r\nX: " + b"a" * 60_000 + b"\r\nConnection: close\r\n\r\n"
    sent = b"POST /first HTTP/1.1\r\nContent-Length: 400000\r\n\r\n" + b"b" * 400_000 + head
    answer = await told(port, sent[:300_000], sent[300_000:430_000], sent[430_000:])
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert answer.endswith(b"GET /next ")


async def test_who_says_nothing_is_asked_to_leave(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that was opened and left, and a head that was begun and left."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    assert refusal(await told(port)) == (408, "head_too_slow")
    assert refusal(await told(port, b"GET / HT")) == (408, "head_too_slow")
    after = await told(port, b"GET /a HTTP/1.1\r\n\r\n", b"GET /b HTTP")
    assert after.startswith(b"HTTP/1.1 200 OK")
    assert b"head_too_slow" in after


BODIES = {
    "of a length": (b"Content-Length: 5\r\n", b"12345"),
    "in chunks": (b"Transfer-Encoding: chunked\r\n", b"2\r\n12\r\n3\r\n345\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize(("header", "body"), BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("offer", [OFFER, b"Connection: Upgrade\r\nUpgrade: websocket\r\n"], ids=["h2c", "websocket"])
@pytest.mark.parametrize("pieces", [1, 3])
async def test_a_body_is_not_lost_to_an_offered_upgrade(
    port: int, header: bytes, body: bytes, offer: bytes, pieces: int
) -> None:
    """Clients of HTTP/2 (Java's own among them) offer it with every request they send over plain TCP."""
    request = b"POST /a?b=c HTTP/1.1\r\nHost: x\r\n" + offer + header + b"\r\n" + body
    size = -(-2 * len(request) // pieces)
    twice = [(request * 2)[place : place + size] for place in range(0, 2 * len(request), size)]
    answer = await told(port, *twice, b"GET /end HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert answer.count(b"POST /a 12345") == 2
    assert answer.endswith(b"GET /end ")


async def test_an_offer_to_upgrade_that_closes_is_closed(port: int) -> None:
    sent = b"POST /a HTTP/1.1\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n12"
    assert (await told(port, sent)).endswith(b"POST /a 12")


@pytest_asyncio.fixture(scope="module")
async def door(server: Served, database: str) -> AsyncIterator[ApiClient]:
    """The way in to the service as a process."""
    async with over_http(server.url, database) as opened:
        await opened.register_the_usual()
        yield opened


async def test_the_service_takes_records_from_a_client_that_offers_to_upgrade(server: Served, door: ApiClient) -> None:
    platform = await door.platform()
    body = as_array([usage("offered")])
    head = b"POST /v1/usage-records HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\n" % (
        platform.key.encode(),
        JSON.encode(),
    )
    answer = await told(
        server.port, head + OFFER + b"Content-Length: %d\r\n\r\n" % len(body) + body, until=b'"results"'
    )
    assert b'"accepted":1' in answer, answer
    assert counts(await platform.push(usage("offered"))) == [0, 1, 0, 0]
    assert good(await door.client.get("/healthz"))
