"""The switch of the language: remembered by a cookie of its own, and back to the page where it was asked for."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api.console.answer import to
from api.console.language.reader import LANGUAGE_COOKIE, LANGUAGE_HOURS, LANGUAGES
from api.console.language.text import phrase
from api.console.sessions import HOME, ConsoleRoute, local_path, missing, set_cookie

ROUTER = APIRouter(route_class=ConsoleRoute)


@ROUTER.get("/language/{language}")
async def get_language(request: Request, language: str, next: str = HOME) -> Response:
    """Remember how somebody reads, and show the page again: nothing but the words of pages changes."""
    if language not in LANGUAGES:
        raise missing(phrase("页面"))
    answer = to(local_path(next))
    set_cookie(request, answer, LANGUAGE_COOKIE, language, HOME, LANGUAGE_HOURS)
    return answer
