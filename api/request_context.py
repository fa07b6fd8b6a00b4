"""What routes ask of a request: the running service, who is calling, and a JSON object with known fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fastapi import Request

from api.auth.keys import Caller
from api.http.problem import Problem
from api.http.text import EXPLANATION, all_holdable
from api.service import Service

BODY_BYTES = 4 * 1024 * 1024


def service_of(request: Request) -> Service:
    """The service of this worker."""
    service = request.app.state.service
    assert isinstance(service, Service)
    return service


async def as_caller(request: Request) -> Caller:
    """Who sends the request, by the key in its Authorization header. Raises Problem 401."""
    return await service_of(request).keys.caller(request.headers.get("authorization"), request)


async def json_object(request: Request, fields: Mapping[str, type | tuple[type, ...]]) -> dict[str, Any]:
    """The body as an object with no fields but these, each of its type; an empty body is an empty object.

    A number with a point stays what was written (a Decimal): 0.50 may name a reading; money is never given so.

    Raises Problem 400/413.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            raise Problem(413, "body_too_large", f"at most {BODY_BYTES} bytes", {"Connection": "close"})
    if not body.strip():
        return {}

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) != len(items):
            raise Problem(400, "duplicate_key", "a key occurs twice in one object")
        return found

    def inexact(text: str) -> Any:
        raise Problem(400, "wrong_type", f"{text[:32]} is not exact; decimals are sent as strings")

    try:
        given = json.loads(bytes(body), object_pairs_hook=pairs, parse_float=Decimal, parse_constant=inexact)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise Problem(400, "not_json", "the body is not JSON") from error
    if not all_holdable(given):
        raise Problem(400, "bad_text", EXPLANATION)
    if not isinstance(given, dict):
        raise Problem(400, "not_an_object", "the body must be a JSON object")
    for name, value in given.items():
        if name not in fields:
            raise Problem(400, "unknown_field", f"unknown field {name[:64]!r}")
        if value is not None and (not isinstance(value, fields[name]) or isinstance(value, bool)):
            raise Problem(400, "wrong_type", f"{name} has the wrong type")
    return {name: value for name, value in given.items() if value is not None}
