"""What the API answers, as a page made on the server: no script, nothing from elsewhere, the policy of the console."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from api.console.answer import secured
from api.console.template import static_path
from api.http.operation import Content, operation
from api.http.route import ApiRoute

ROUTER = APIRouter(route_class=ApiRoute, tags=["operations"])
PROBLEM = "application/problem+json"
CODE = re.compile("`([^`]*)`")
LIMITS = {
    "format": "format", "pattern": "pattern", "minimum": "at least", "maximum": "at most",
    "minLength": "characters at least", "maxLength": "characters at most", "maxItems": "items at most",
    "default": "default",
}  # fmt: skip


@ROUTER.get("/openapi.json")
@operation(Content.json({"type": "object"}, {"openapi": "3.1.0"}), scope=None, answered="An OpenAPI 3.1 document")
async def get_openapi_document(request: Request) -> Response:
    """Show the reference as an OpenAPI 3.1 document."""
    return JSONResponse(request.app.openapi())


@ROUTER.get("/docs")
@operation(
    Content({"text/html": {"type": "string"}}, {"text/html": "<!DOCTYPE html>"}),
    scope=None,
    answered="A page without scripts",
)
async def get_docs(request: Request) -> Response:
    """Show every path with its words and parameters, from /openapi.json."""
    return secured(request, HTMLResponse("".join(_page(request.app.openapi()))))


def _page(document: Mapping[str, Any]) -> Iterator[str]:
    title = escape(document["info"]["title"])
    yield '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f'<title>{title}</title><link rel="stylesheet" href="{static_path("console.css")}">'
    yield f'<link rel="icon" type="image/svg+xml" href="{static_path("mark.svg")}"></head>'
    yield f'<body class="reference"><main><h1>{title}</h1><p>{_words(document["info"]["description"])}</p>'
    yield f"<p>{_words(document['components']['securitySchemes']['ApiKey']['description'])}</p>"
    yield '<p class="hint">The same as a document: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1).</p>'
    for tag in document["tags"]:
        yield f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>"
        for path, operations in document["paths"].items():
            for method, told in operations.items():
                if told["tags"][0] == tag["name"]:
                    yield from _operation(method, path, told)
    yield "<h2>types</h2>"
    for name, schema in document["components"]["schemas"].items():
        yield from _type(name, schema)
    yield "</main></body></html>"


def _operation(method: str, path: str, told: Mapping[str, Any]) -> Iterator[str]:
    yield f"<details><summary><code>{method.upper()} {escape(path)}</code> {_words(told['summary'])}</summary>"
    for part in told["description"].split("\n\n"):
        yield f"<p>{_words(part)}</p>"
    if told["parameters"]:
        yield "<h4>Parameters</h4><table><tr><th>name</th><th>in</th><th>type</th><th></th></tr>"
        for one in told["parameters"]:
            needed = "required" if one.get("required") else "optional"
            yield f"<tr><td><code>{escape(one['name'])}</code></td><td>{one['in']}, {needed}</td>"
            yield f"<td>{_shown(one['schema'])}</td><td>{_words(one.get('description', ''))}</td></tr>"
        yield "</table>"
    if "requestBody" in told:
        yield "<h4>Body</h4>"
        yield from _content(told["requestBody"]["content"])
    for status, answer in told["responses"].items():
        yield f"<h4>{escape(status)}</h4>"
        yield f"<p>{_words(answer['description'])}</p>"
        yield from _content({name: one for name, one in answer["content"].items() if name != PROBLEM})
    yield "</details>"


def _content(content: Mapping[str, Any]) -> Iterator[str]:
    for media_type, one in content.items():
        yield f"<p><code>{escape(media_type)}</code>: {_shown(one['schema'])}</p>"
        if "example" in one:
            example = one["example"]
            text = example if isinstance(example, str) else json.dumps(example, ensure_ascii=False, indent=2)
            yield f"<pre>{escape(text)}</pre>"


def _type(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f"<details><summary><code>{escape(name)}</code> {escape(schema.get('description', ''))}</summary>"
    yield "<table><tr><th>field</th><th>type</th><th></th></tr>"
    for field, one in schema.get("properties", {}).items():
        needed = "" if field in schema.get("required", ()) else "optional. "
        yield f"<tr><td><code>{escape(field)}</code></td><td>{_shown(one)}</td>"
        yield f"<td>{needed}{_words(one.get('description', ''))}</td></tr>"
    yield "</table></details>"


def _shown(schema: Mapping[str, Any]) -> str:
    """Show a schema in a few words: its type or its name, its limits and its default."""
    if "$ref" in schema:
        return f"<code>{escape(schema['$ref'].rpartition('/')[2])}</code>"
    parts = schema.get("anyOf") or schema.get("oneOf")
    if parts:
        kind = " or ".join(_shown(part) for part in parts)
    elif "enum" in schema:
        kind = ", ".join(f"<code>{escape(json.dumps(one))}</code>" for one in schema["enum"])
    elif "const" in schema:
        kind = f"<code>{escape(json.dumps(schema['const']))}</code>"
    elif schema.get("type") == "array":
        kind = f"array of {_shown(schema.get('items', {}))}"
    else:
        kind = escape(str(schema.get("type", "any value")))
    limits = [f"{words} {escape(str(schema[name]))}" for name, words in LIMITS.items() if name in schema]
    return ", ".join((kind, *limits))


def _words(text: str) -> str:
    """Return text as HTML, what stands between backquotes as code."""
    return CODE.sub(r"<code>\1</code>", escape(text))
