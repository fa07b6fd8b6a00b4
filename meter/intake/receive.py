"""From a request body to checked columns: the public functions of intake."""

import json
from collections.abc import Sequence

from meter.intake.arrow.body import found_in_arrow
from meter.intake.body import Format, decoded, format_of
from meter.intake.codes import BodyCode, BodyError
from meter.intake.finish import Found, finish
from meter.intake.json.body import found_in_json
from meter.intake.received import Document, Received
from meter.intake.registry_view.registered import Registered


def receive(
    body: bytes,
    content_type: str,
    content_encoding: str | None,
    registered: Registered,
    source_number: int,
    *,
    fast: bool = True,
) -> Received:
    """Return the checked records and the refusals of one request body (docs/contract.md, section 1); raises
    `BodyError`.

    Pure and thread-safe; the kernels run without the interpreter lock. `fast=False` sends every record to the
    authority, one at a time, and gives the same answer.
    """
    form = format_of(content_type)
    plain = decoded(body, content_encoding)
    if not plain:
        raise BodyError(BodyCode.EMPTY_BODY)
    return finish(_found(plain, form, registered, fast), registered, source_number)


def document_of(body: bytes, content_type: str) -> Document:
    """Return the records of a decoded body as they were received, without judging any; raises `BodyError`."""
    return _found(body, format_of(content_type), Registered.of(0), fast=False).document


def _found(plain: bytes, form: Format, registered: Registered, fast: bool) -> Found:
    if form is Format.ARROW:
        return found_in_arrow(plain, registered, fast)
    return found_in_json(plain, form, registered, fast)


def receive_records(records: Sequence[object], registered: Registered, source_number: int) -> Received:
    """Return the same for records that are Python values already (as read from a worlds file), by way of NDJSON.

    A value that JSON has no word for (a date, say) is a TypeError: a mistake of the caller, not of a client.
    """
    lines = "\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    return receive(lines.encode("utf-8", "surrogatepass"), Format.NDJSON.value, None, registered, source_number)
