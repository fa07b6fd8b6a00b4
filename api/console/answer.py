"""Answers of the console: pages from templates, with the headers that keep a browser from doing anything else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from markupsafe import Markup

from api.console.template import environment
from api.console.wording.vocabulary import told_round
from settlement.rounds import Round

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
NO_STORE = "no-store"


def page(template: str, code: int = 200, /, **values: Any) -> HTMLResponse:
    """Return a page from its template, with its HTTP status."""
    return HTMLResponse(part(template, **values), code)


def part(template: str, /, **values: Any) -> Markup:
    """Return what a template makes, in the reader's language."""
    told = {name: _told(value) for name, value in values.items()}
    return Markup(environment().get_template(f"{template}.html").render(**told))  # noqa: S704 - templates escape


def _told(value: Any) -> Any:
    """Return rounds in the reader's language, and anything else as it is."""
    if isinstance(value, Round):
        return told_round(value)
    if isinstance(value, Mapping) and value and all(isinstance(one, Round) for one in value.values()):
        return {name: told_round(one) for name, one in value.items()}
    return value


def to(path: str) -> RedirectResponse:
    """See another page, by GET."""
    return RedirectResponse(path, 303)


def over_https(request: Request) -> bool:
    """Return whether people reach us over https: by the address we were told, or else by that of the request."""
    told = str(getattr(request.app.state, "public_url", ""))
    return (told or request.url.scheme).startswith("https")


def secured(request: Request, response: Response) -> Response:
    """Return the answer with the console's headers; what does not say how long it may be kept is not kept at all."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", NO_STORE)
    if over_https(request):
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response
