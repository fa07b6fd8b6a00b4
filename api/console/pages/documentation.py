"""What the API answers, as a page made on the server: no script, nothing from elsewhere, the policy of the console."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from api.console.answer import secured
from api.console.template import static_path
from api.http.route import ApiRoute

ROUTER = APIRouter(route_class=ApiRoute)
METHODS = ("get", "put", "post", "delete")


@ROUTER.get("/openapi.json", include_in_schema=False)
async def get_openapi(request: Request) -> Response:
    """The reference as an OpenAPI 3.1 document."""
    return JSONResponse(request.app.openapi())


@ROUTER.get("/docs", include_in_schema=False)
async def get_docs(request: Request) -> Response:
    """Every path with its words and parameters, from /openapi.json."""
    return secured(request, HTMLResponse("".join(_page(request.app.openapi()))))


def _page(schema: Mapping[str, Any]) -> Iterator[str]:
    title = escape(schema["info"]["title"])
    yield '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f'<title>{title}</title><link rel="stylesheet" href="{static_path("console.css")}">'
    yield f'<link rel="icon" type="image/svg+xml" href="{static_path("mark.svg")}"></head>'
    yield f"<body><main><h1>{title}</h1>"
    yield '<p class="hint">Keys go into <code>Authorization: Bearer KEY</code>. Errors are problem documents with a '
    yield 'stable <code>code</code>. The same as a schema: <a href="/openapi.json">/openapi.json</a>.</p>'
    tag = None
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            if method not in METHODS:
                continue
            (name, *_) = operation.get("tags") or [""]
            if name != tag:
                yield f'{"</ul>" if tag is not None else ""}<h2>{escape(name)}</h2><ul class="kept">'
                tag = name
            yield from _operation(method, path, operation)
    yield f"{'</ul>' if tag is not None else ''}</main></body></html>"


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<li><h3><code>{method.upper()} {escape(path)}</code></h3>"
    for part in str(operation.get("description") or "").split("\n\n"):
        yield f"<p>{escape(part)}</p>"
    parameters = operation.get("parameters") or []
    if parameters:
        yield '<dl class="pairs">'
        for one in parameters:
            kind = (one.get("schema") or {}).get("type") or "string"
            needed = "" if one.get("required") else ", optional"
            yield f"<div><dt>{escape(one['name'])}</dt><dd>{escape(one['in'])}, {escape(kind)}{needed}</dd></div>"
        yield "</dl>"
    yield "</li>"
