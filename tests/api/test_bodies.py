"""Bodies that are no batch at all: refused as a whole, with a status and a code, and nothing of them is kept."""

from __future__ import annotations

import gzip
import zlib

import pytest
import zstandard

from tests.support.api_client import ApiClient, KeyClient, good, problem
from tests.support.records import ARROW, EVENT, EVENTS, JSON, NDJSON, as_array, as_lines, usage

GOOD = as_array([usage("b")])
WHOLE = {
    "nothing": (b"", JSON, 400, "empty_body"),
    "nothing as lines": (b"\n\n", NDJSON, 400, "empty_body"),
    "not JSON": (b"{'a': 1}", JSON, 400, "not_json"),
    "half an array": (GOOD[:-5], JSON, 400, "not_json"),
    "a number": (b"17", JSON, 400, "not_a_batch"),
    "something after the end": (GOOD + b"x", JSON, 400, "trailing_bytes"),
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD, JSON, 400, "bad_encoding"),
    "UTF-16": (GOOD.decode().encode("utf-16"), JSON, 400, "bad_encoding"),
    "a hundred thousand brackets": (b"[" * 100_000, JSON, 400, "too_deep"),
    "a record of a million keys": (b'[{"a":{' + b'"k":1,' * 100_000 + b'"k":1}}]', JSON, 400, "too_many_values"),
    "a record too many": (as_lines([usage("r")] * 10_001), NDJSON, 413, "too_many_records"),
    "an array of a record too many": (as_array([usage("r")] * 10_001), JSON, 413, "too_many_records"),
    "another content type": (GOOD, "text/csv", 415, "unsupported_media_type"),
    "no content type": (GOOD, "", 415, "unsupported_media_type"),
    "another charset": (GOOD, "application/json; charset=gbk", 415, "unsupported_charset"),
    "an event where a batch of them belongs": (b"{}", EVENTS, 400, "not_a_batch"),
    "a batch of events where one belongs": (b"[]", EVENT, 400, "not_a_batch"),
    "nonsense as Arrow": (b"nonsense", ARROW, 400, "bad_arrow"),
    "more than 32 MiB": (b" " * (32 * 1024 * 1024 + 1), JSON, 413, "body_too_large"),
}


@pytest.mark.parametrize(("body", "content_type", "status", "code"), WHOLE.values(), ids=WHOLE.keys())
async def test_what_is_no_batch_is_refused_as_a_whole(
    platform: KeyClient, body: bytes, content_type: str, status: int, code: str
) -> None:
    assert problem(await platform.send(body, content_type)) == (status, code)


PACKED = {
    "nonsense as gzip": (b"nonsense", "gzip", 400, "bad_compression"),
    "gzip cut short": (gzip.compress(GOOD)[:-6], "gzip", 400, "bad_compression"),
    "something after gzip": (gzip.compress(GOOD) + b"xx", "gzip", 400, "trailing_bytes"),
    "gzip in gzip": (gzip.compress(gzip.compress(GOOD)), "gzip", 400, "bad_encoding"),
    "a gzip bomb": (gzip.compress(bytes(40 * 1024 * 1024)), "gzip", 413, "body_too_large"),
    "nonsense as zstd": (b"nonsense", "zstd", 400, "bad_compression"),
    "a zstd bomb": (zstandard.compress(bytes(40 * 1024 * 1024)), "zstd", 413, "body_too_large"),
    "deflate": (zlib.compress(GOOD), "deflate", 415, "unsupported_encoding"),
    "two encodings": (gzip.compress(GOOD), "gzip, gzip", 415, "unsupported_encoding"),
}


@pytest.mark.parametrize(("body", "encoding", "status", "code"), PACKED.values(), ids=PACKED.keys())
async def test_what_does_not_unpack_is_refused_as_a_whole(
    app: ApiClient, platform: KeyClient, body: bytes, encoding: str, status: int, code: str
) -> None:
    headers = {"Authorization": f"Bearer {platform.key}", "Content-Type": JSON, "Content-Encoding": encoding}
    answer = await app.client.post("/v1/usage-records", content=body, headers=headers)
    assert problem(answer) == (status, code)


async def test_a_refused_body_leaves_nothing_behind(platform: KeyClient) -> None:
    before = good(await platform.get("/quarantine", limit=1000))["items"]
    assert problem(await platform.send(GOOD + b"x")) == (400, "trailing_bytes")
    assert good(await platform.get("/quarantine", limit=1000))["items"] == before
    assert (await platform.get(f"/usage-records/{platform.name}/b")).status_code == 404


async def test_a_declared_length_beyond_the_limit_is_refused_unread(app: ApiClient, platform: KeyClient) -> None:
    headers = {"Authorization": f"Bearer {platform.key}", "Content-Type": JSON, "Content-Length": str(10**12)}
    assert problem(await app.client.post("/v1/usage-records", content=b"[]", headers=headers)) == (
        413,
        "body_too_large",
    )
