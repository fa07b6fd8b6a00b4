"""A CloudEvents event in binary mode (attributes in HTTP headers, the record as the body), in structured mode."""

import json
import re
from collections.abc import Iterable

from meter.intake.body import Format, format_of
from meter.intake.codes import BodyCode, BodyError
from meter.intake.receive import document_of

PREFIX = b"ce-"
TELLING = {b"ce-specversion", b"ce-id", b"ce-source", b"ce-type"}  # any of them says that an event was meant
STRUCTURED = (Format.EVENT, Format.EVENTS)
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")


def is_binary_event(headers: Iterable[tuple[bytes, bytes]], content_type: str) -> bool:
    """Return whether headers (their names in lower case) make of a body an event in binary mode."""
    return any(name in TELLING for name, _ in headers) and format_of(content_type) not in STRUCTURED


def structured_event(headers: Iterable[tuple[bytes, bytes]], content_type: str, data: bytes) -> bytes:
    """Return the event as one JSON object, to be received as `application/cloudevents+json`; raises `BodyError`.

    Each header is an attribute of that name, also one that is given twice: the authority on events judges what stands
    here. `data` is made sure to be one object, so that nothing in it can be taken for an attribute.
    """
    if format_of(content_type) is not Format.JSON:
        raise BodyError(BodyCode.UNSUPPORTED_MEDIA_TYPE, "The body of an event in binary mode is application/json.")
    document_of(data, Format.EVENT.value)
    attributes = [(name[len(PREFIX) :].decode("latin-1"), value) for name, value in headers if name.startswith(PREFIX)]
    stated = [(name, text_of_header(value)) for name, value in attributes] + [("datacontenttype", content_type)]
    parts = [f"{json.dumps(name)}: {json.dumps(value)}".encode() for name, value in stated]
    return b"{" + b", ".join([*parts, b'"data": ' + data]) + b"}"


def text_of_header(value: bytes) -> str:
    """Return the text of a header: unquoted, then without percent-encoding, read as UTF-8 (HTTP binding, section
    3.1.3.2).

    What is no UTF-8 becomes half a surrogate pair, which no attribute may hold.
    """
    text = value.decode("latin-1").strip(" \t")
    quoted = QUOTED.fullmatch(text)
    if quoted:
        text = re.sub(r"\\(.)", r"\1", quoted[1])
    plain = ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), text.encode("latin-1"))
    return plain.decode("utf-8", "surrogateescape")
