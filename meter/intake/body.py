"""From the bytes of a request to the decoded body: content type, charset, bounded decompression."""

import zlib
from enum import Enum

import zstandard

from meter.intake.codes import BodyCode, BodyError
from meter.intake.limits import BODY_BYTES
from meter.intake.room import Room

CHUNK_BYTES = 64 * 1024
FIRST_CHUNK_BYTES = 4 * 1024  # of a gzip member: what follows its end is copied
MEMBERS_MAX = 16 * 1024  # each costs time, and an empty one has 20 bytes
PORTION_BYTES = 1024 * 1024
GZIP = 16 + zlib.MAX_WBITS
ZSTD_WINDOW_BYTES = 8 * 1024 * 1024  # RFC 9659: what a sender of Content-Encoding zstd may ask of a reader
# A zstd block of 4 bytes can stand for 128 KiB, so this many bytes fed at once decode to 16 MiB at the most.
ZSTD_CHUNK_BYTES = 512
ZSTD_CRUMB_BYTES = 64
ZSTD_BOMB_RATIO = 1000
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZSTD_SKIPPABLE = b"\x2a\x4d\x18"  # after a first byte of 0x50 to 0x5f


class Format(Enum):
    """The formats a batch comes in, by content type."""

    JSON = "application/json"
    NDJSON = "application/x-ndjson"
    EVENT = "application/cloudevents+json"
    EVENTS = "application/cloudevents-batch+json"
    ARROW = "application/vnd.apache.arrow.stream"


def format_of(content_type: str) -> Format:
    """Return the format a Content-Type header names.

    Its charset must be UTF-8 (or ASCII), other parameters are ignored.
    """
    name, *parameters = content_type.split(";")
    try:
        found = Format(name.strip().lower())
    except ValueError:
        known = ", ".join(known.value for known in Format)
        raise BodyError(BodyCode.UNSUPPORTED_MEDIA_TYPE, f"The content type is none of {known}.") from None
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "charset" and value.strip().strip('"').lower() not in ("utf-8", "utf8", "us-ascii"):
            raise BodyError(BodyCode.UNSUPPORTED_CHARSET)
    return found


def decoded(body: bytes, content_encoding: str | None) -> bytes:
    """Return the body without its content encoding: at most 32 MiB, read no further (413). One coding only, not a list.

    Several gzip members or zstd frames one after the other are one body (RFC 1952, RFC 8878); anything else after the
    end is refused, and so is an end that does not come.
    """
    coding = (content_encoding or "identity").strip().lower()
    if len(body) > BODY_BYTES:
        raise BodyError(BodyCode.BODY_TOO_LARGE)
    if coding in ("identity", ""):
        return body
    if coding in ("gzip", "x-gzip"):
        return from_gzip(body)
    if coding == "zstd":
        return from_zstd(body)
    raise BodyError(BodyCode.UNSUPPORTED_ENCODING)


def from_gzip(body: bytes) -> bytes:
    """Return every member of a gzip file, bounded."""
    view = memoryview(body)
    place = members = 0
    with Room() as out:
        while place < len(body):
            if place and body[place : place + 2] != b"\x1f\x8b":
                raise BodyError(BodyCode.TRAILING_BYTES, "Something that is not gzip follows the compressed body.")
            members += 1
            if members > MEMBERS_MAX:
                raise BodyError(BodyCode.BAD_COMPRESSION, f"The gzip body has more than {MEMBERS_MAX} members.")
            member = zlib.decompressobj(GZIP)
            most = FIRST_CHUNK_BYTES
            while not member.eof:
                fed = view[place : place + most]
                most = CHUNK_BYTES
                before = out.size
                try:
                    # in small portions: what is decoded is there twice for a moment
                    out.add(member.decompress(fed, PORTION_BYTES))
                except zlib.error:
                    raise BodyError(BodyCode.BAD_COMPRESSION, "The gzip body is broken.") from None
                if not fed and out.size == before and not member.eof:
                    raise BodyError(BodyCode.BAD_COMPRESSION, "The gzip body is cut short.")
                place += len(fed) - len(member.unconsumed_tail) - len(member.unused_data)
        return out.whole()


def from_zstd(body: bytes) -> bytes:
    """Return every frame of a zstd stream, bounded; a frame that wants a larger window than HTTP allows is refused."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
    view = memoryview(body)
    place = frames = 0
    most = ZSTD_CHUNK_BYTES
    with Room() as out:
        while place < len(body):
            if place and not (body[place : place + 4] == ZSTD_MAGIC or body[place + 1 : place + 4] == ZSTD_SKIPPABLE):
                raise BodyError(BodyCode.TRAILING_BYTES, "Something that is not zstd follows the compressed body.")
            frames += 1
            if frames > MEMBERS_MAX:
                raise BodyError(BodyCode.BAD_COMPRESSION, f"The zstd body has more than {MEMBERS_MAX} frames.")
            frame = decompressor.decompressobj()
            while not frame.eof:
                fed = view[place : place + most]
                if not fed:
                    raise BodyError(BodyCode.BAD_COMPRESSION, "The zstd body is cut short.")
                try:
                    portion = frame.decompress(fed)
                except zstandard.ZstdError:
                    raise BodyError(
                        BodyCode.BAD_COMPRESSION, "The zstd body is broken or wants a window over 8 MiB."
                    ) from None
                out.add(portion)
                # what unfolds like a bomb is fed in crumbs from here on
                most = ZSTD_CRUMB_BYTES if len(portion) > ZSTD_BOMB_RATIO * len(fed) else ZSTD_CHUNK_BYTES
                place += len(fed) - len(frame.unused_data)
        return out.whole()
