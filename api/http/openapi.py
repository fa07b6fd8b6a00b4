"""The document of the API (OpenAPI 3.1): made of the routes, what each says of itself, and the table of codes."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.http.errors import CODES
from api.http.operation import EVERYWHERE, KEYED, WITH_PARAMETERS, Content, Operation, operation_of
from api.http.problem import MEDIA_TYPE, Problem, document_of
from api.schemas.base import POINTER, REFERENCE, example_of, pointed_at
from api.schemas.problem import Problem as ProblemDocument

Schema = dict[str, Any]
NAMED = "5f1c9ad4b5d94c1f8f3c6f3f0a9c1d2e"
VERSION = "3.1.0"
PROBLEM_REF: Schema = {"$ref": REFERENCE.format(model="Problem")}
KEY_SCHEME = "ApiKey"
SECURITY_SCHEMES: Schema = {
    KEY_SCHEME: {
        "type": "http",
        "scheme": "bearer",
        "description": (
            "An API key: `Authorization: Bearer KEY`. Each operation names the scope that the key must carry "
            "(`x-scope`). A key that was made for signed requests also sends `Suanbu-Time` (seconds since 1970), "
            "`Suanbu-Nonce` (16 to 64 letters and digits, never used before) and `Suanbu-Signature`: the hexadecimal "
            "HMAC-SHA256, keyed with the SHA-256 of the key's secret part, over method, path with query, hexadecimal "
            "SHA-256 of the body as sent, time and nonce, with line feeds between."
        ),
    }
}
TAGS = (
    {"name": "usage", "description": "Usage records (算力用量记录): sending them, and what was recorded."},
    {"name": "registry", "description": "Dated facts about entities, facilities, chips, holdings and spending."},
    {
        "name": "settlements",
        "description": "Rounds (兑现批次), settlements, lines, decisions, findings, reports.",
    },
    {"name": "jobs", "description": "Work that takes long: as it stands, its output, and ending it."},
    {"name": "payouts", "description": "Payout instructions for the entitlement job (免申即享), and clawbacks."},
    {"name": "operations", "description": "For operators and auditors."},
)


def document(app: FastAPI) -> Schema:
    """Make the document of every route that says something of itself."""
    made = get_openapi(
        title=app.title, version=app.version, summary=app.summary, openapi_version=VERSION, routes=app.routes
    )
    said = {(route.path, method): (route, told) for route, method, told in _described(app)}
    paths: dict[str, dict[str, Any]] = {}
    for (path, method), (route, told) in said.items():
        parameters = made["paths"][path][method].get("parameters", [])
        paths.setdefault(path, {})[method] = _operation(route, told, [_plain(one) for one in parameters])
    models = {model for _, told in said.values() for model in _models(told)} | {ProblemDocument}
    return {
        "openapi": VERSION,
        "info": made["info"] | {"description": _introduction()},
        "tags": list(TAGS),
        "paths": paths,
        "components": {
            "schemas": _components(models),
            "examples": {code: _example(known.status, code, "/v1/…") for code, known in sorted(CODES.items())},
            "securitySchemes": copy.deepcopy(SECURITY_SCHEMES),
        },
    }


def _described(app: FastAPI) -> Iterator[tuple[APIRoute, str, Operation]]:
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and context.include_in_schema:
            told = operation_of(route.endpoint)
            for method in sorted(route.methods or ()):
                assert told is not None, f"{method} {route.path} says nothing of itself"
                yield route, method.lower(), told


def _introduction() -> str:
    return (
        "Keys go into `Authorization: Bearer KEY`. Times are RFC 3339 with an offset, money is whole fen, quantities "
        "are exact strings. Errors are problem documents (RFC 9457) with a stable `code`; 503 says when to come back "
        "(`Retry-After`), and sending again is always safe. What takes long is a job: the request waits for it as long "
        "as `Prefer: wait=SECONDS` says (RFC 7240), and is answered 202 with the job otherwise. Every list answers "
        "`items` and `next`, and takes `limit` and `cursor`. Query parameters that a path does not declare are refused."
    )


def _operation(route: APIRoute, told: Operation, parameters: list[Schema]) -> Schema:
    summary, _, rest = (route.description or "").partition("\n\n")
    made: Schema = {
        "operationId": route.name,
        "summary": " ".join(summary.split()).rstrip("."),
        "description": "\n\n".join(part for part in (" ".join(summary.split()), rest.strip(), _who(told)) if part),
        "tags": list(route.tags),
        "parameters": parameters,
        "security": [{KEY_SCHEME: []}] if told.scope else [],
    }
    if told.scope:
        made["x-scope"] = told.scope
    if told.body is not None:
        made["requestBody"] = {"required": told.body_required, "content": _content(told.body)}
    made["responses"] = {
        str(route.status_code or 200): {"description": told.answered, "content": _content(told.answer)},
        **_later(told),
        **_problems(route, told, bool(parameters)),
    }
    return made


def _later(told: Operation) -> Schema:
    """The answer of an operation whose job was not over in time."""
    if told.later is None:
        return {}
    return {"202": {
        "description": "The job, which is not over: it is to be asked for where Location says",
        "content": _content(told.later),
        "headers": {
            "Location": {"description": "The job", "schema": {"type": "string"}},
            "Preference-Applied": {"description": "What of `Prefer` was honoured", "schema": {"type": "string"}},
            "Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}},
        },
    }}  # fmt: skip


def _who(told: Operation) -> str:
    if told.scope is None:
        return "Needs no key."
    city = "; open to keys that are bound to one city" if told.city else ""
    either = f" or `{told.or_scope}`" if told.or_scope else ""
    return f"Scope: `{told.scope}`{either}{city}."


def _problems(route: APIRoute, told: Operation, has_parameters: bool) -> Schema:
    """Return the errors of an operation by status, with their codes; and what any answer may be besides."""
    codes = {*EVERYWHERE, *told.codes, *(WITH_PARAMETERS if has_parameters else ())}
    if told.scope:
        codes |= {*KEYED, "journal_unavailable", *(() if told.city else ("city_limited",))}
    if "{" in route.path:
        codes.add("no_such_path")
    grouped: dict[int, list[str]] = {}
    for code in sorted(codes):
        grouped.setdefault(told.statuses.get(code, CODES[code].status), []).append(code)
    found: Schema = {str(status): _problem(status, some, route.path) for status, some in sorted(grouped.items())}
    found["default"] = {
        "description": "Any other error, as a problem document (RFC 9457) with a stable `code`",
        "content": {MEDIA_TYPE: {"schema": PROBLEM_REF}},
    }
    return found


def _problem(status: int, codes: list[str], path: str) -> Schema:
    shared = {code: {"$ref": f"#/components/examples/{code}"} for code in codes if CODES[code].status == status}
    examples = {code: shared.get(code) or _example(status, code, path) for code in codes}
    return {
        "description": "; ".join(f"`{code}`: {CODES[code].meaning}" for code in codes),
        "content": {MEDIA_TYPE: {
            # a sibling of $ref counts in OpenAPI 3.1: the document holds for each code, and generators see one type
            "schema": PROBLEM_REF | {"properties": {"code": {"enum": codes}}},
            "examples": examples,
        }},
        **({"headers": {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}}
           if status == 503 else {}),
    }  # fmt: skip


def _example(status: int, code: str, path: str) -> Schema:
    meaning = CODES[code].meaning
    return {"summary": meaning, "value": document_of(Problem(status, code, meaning), path, NAMED)}


def _content(content: Content) -> Schema:
    shown: Schema = {}
    for media_type, schema in content.schemas.items():
        if isinstance(schema, dict):
            shown[media_type] = {"schema": schema}
        else:
            shown[media_type] = {"schema": ref(schema)}
        example = content.examples.get(media_type)
        if example is None and not isinstance(schema, dict):
            example = example_of(schema)
        if example is not None:
            shown[media_type]["example"] = example
    return shown


def ref(model: type[BaseModel]) -> Schema:
    """Return the schema that names a component."""
    return {"$ref": REFERENCE.format(model=model.__name__)}


def array_of(model: type[BaseModel], most: int, **more: Any) -> Schema:
    """Return the schema of an array of a component."""
    return {"type": "array", "items": ref(model), "maxItems": most, **more}


def _models(told: Operation) -> Iterator[type[BaseModel]]:
    for content in (told.answer, told.body, told.later):
        if content is not None:
            yield from (schema for schema in content.schemas.values() if not isinstance(schema, dict))
            yield from content.models


def _components(models: set[type[BaseModel]]) -> Schema:
    models |= {other for model in models for other in pointed_at(model)}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, made = models_json_schema([(model, "validation") for model in ordered], ref_template=REFERENCE)
    found: Schema = {name: _plain(schema) for name, schema in sorted(made["$defs"].items())}
    assert not any("__" in name for name in found), f"two models share a name: {sorted(found)}"
    return found


def _plain(schema: Any) -> Any:
    """Leave out what says nothing, titles that repeat a name and defaults that are null; point at models."""
    if isinstance(schema, Mapping):
        if POINTER in schema:
            return {"$ref": REFERENCE.format(model=schema[POINTER])}
        return {
            name: _plain(part)
            for name, part in schema.items()
            if not (name == "title" and isinstance(part, str) and re.fullmatch(r"[A-Z][\w ]*", part))
            and not (name == "default" and part is None)
        }
    return [_plain(part) for part in schema] if isinstance(schema, list) else schema
