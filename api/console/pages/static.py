"""The style sheet and the mark: the only files a page asks for."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.console.language.text import phrase
from api.console.sessions import ConsoleRoute, missing
from api.console.template import STATIC, static_bytes

ROUTER = APIRouter(route_class=ConsoleRoute)


@ROUTER.get("/static/{name}")
async def get_static(name: str) -> Response:
    """Show a file of the console; its address changes with its content."""
    if name not in STATIC:
        raise missing(phrase("文件"))
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(static_bytes(name), media_type=STATIC[name], headers=headers)
