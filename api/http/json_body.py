"""A JSON object as a body: read within its limits, strictly, into the type that a route names."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from api.http.body_budget import body_budget_of
from api.http.problem import Problem
from api.http.text import EXPLANATION, all_holdable

BODY_BYTES = 4 * 1024 * 1024
Model = TypeVar("Model", bound=BaseModel)
CODE_OF = {"missing": "missing_field", "extra_forbidden": "unknown_field", "literal_error": "bad_request"}


async def body_of(request: Request, model: type[Model]) -> Model:
    """Read the body as an object of the model; an empty body is an empty object, and null states nothing.

    A number with a point stays what was written (a Decimal): 0.50 may name a reading; money is never given so.

    Raises Problem 400, 408, 413, 503.
    """
    async with body_budget_of(request).body(request, BODY_BYTES) as body:
        given = _parsed(body)
    if not all_holdable(given):
        raise Problem(400, "bad_text", EXPLANATION)
    if not isinstance(given, dict):
        raise Problem(400, "not_an_object", "the body must be a JSON object")
    try:
        return model.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise _refused(error) from None


def _parsed(body: bytes) -> Any:
    if not body.strip():
        return {}
    try:
        return json.loads(body, object_pairs_hook=_pairs, parse_float=Decimal, parse_constant=_inexact)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise Problem(400, "not_json", "the body is not JSON") from error


def _pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(items)
    if len(found) != len(items):
        raise Problem(400, "duplicate_key", "a key occurs twice in one object")
    return found


def _inexact(text: str) -> Any:
    raise Problem(400, "wrong_type", f"{text[:32]} is not exact; decimals are sent as strings")


def _refused(error: ValidationError) -> Problem:
    """Return the first thing that is wrong, as a problem with one of our codes."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    name = ".".join(str(part) for part in first["loc"])[:64]
    code = CODE_OF.get(first["type"], "wrong_type")
    detail = {
        "missing_field": f"{name} is missing",
        "unknown_field": f"unknown field {name!r}",
        "wrong_type": f"{name} has the wrong type",
        "bad_request": f"{name}: {first['msg'].lower()}",
    }[code]
    return Problem(400, code, detail)
