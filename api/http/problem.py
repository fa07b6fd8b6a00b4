"""Errors as RFC 9457 problem documents with a stable code."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.http.request_log import request_id
from meter.database.errors import UNREACHABLE, JournalUnavailable, hand_refused, unreachable

MEDIA_TYPE = "application/problem+json"
_TITLES = {
    400: "Bad request", 401: "Not authenticated", 403: "Not allowed", 404: "Not found", 405: "Method not allowed",
    408: "Too slow", 409: "Conflict", 410: "Gone", 413: "Too large", 415: "Unsupported media type",
    422: "Unprocessable",
    429: "Slow down", 431: "Too large", 500: "Our mistake", 503: "Not available now", 507: "Out of space",
}  # fmt: skip


class Problem(Exception):
    """An answer that is an error: HTTP status, stable code, what is wrong and what to do."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})


def answer(request: Request, problem: Problem) -> JSONResponse:
    """Return the problem document for a request."""
    headers = dict(problem.headers)
    if problem.status == 401:
        headers.setdefault("WWW-Authenticate", "Bearer")
    if problem.status in (429, 503, 507):
        headers.setdefault("Retry-After", "1")
    return JSONResponse(
        document_of(problem, request.url.path), status_code=problem.status, media_type=MEDIA_TYPE, headers=headers
    )


def document_of(problem: Problem, path: str, name: str | None = None) -> dict[str, str | int]:
    """Return the problem document for a request of `path`, under its own name or the one given."""
    return {
        "type": f"urn:suanbu:problem:{problem.code}",
        "title": _TITLES.get(problem.status, "Error"),
        "status": problem.status,
        "detail": problem.detail,
        "instance": path,
        "code": problem.code,
        "request_id": name or request_id(),
    }


def problem_of(error: Exception) -> Problem:
    """Return what a request that ended with this error is answered."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, JournalUnavailable):
        return Problem(503, "journal_unavailable", str(error)[:300])
    if isinstance(error, ClientDisconnect):
        return Problem(400, "client_gone", "the connection ended before the body did")
    if isinstance(error, HTTPException):
        code = {404: "no_such_path", 405: "method_not_allowed"}.get(error.status_code, "http_error")
        return Problem(error.status_code, code, str(error.detail), error.headers)
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return Problem(400, "bad_request", f"{where}: {first['msg']}")
    if (refused := hand_refused(error)) is not None:
        return Problem(403, *refused)
    if (away := unreachable(error)) is not None:
        return Problem(503, "journal_unavailable", away[:300])
    return Problem(500, "internal_error", "a mistake of ours; it has been logged")


def _methods_of(app: FastAPI, path: str) -> set[str]:
    """Return the methods that a path knows: the framework names those of the first route that it tried."""
    found: set[str] = set()
    for route in iter_route_contexts(app.routes):
        if route.path_regex.match(path):
            found.update(route.methods or ())
    return found


def install(app: FastAPI, below: str = "/console", stray: Callable[[Request, int], Response] | None = None) -> None:
    """Make every error of the app a problem document.

    `stray` makes the page for people who come to an address at or below `below` that is not there (404) or does not
    take their method (405).
    """

    async def respond(request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        if problem.status == 405:
            problem.headers["Allow"] = ", ".join(sorted(_methods_of(app, request.url.path)))
        if stray and isinstance(error, HTTPException) and f"{request.url.path}/".startswith(f"{below}/"):
            page = stray(request, problem.status)
            page.headers.update(problem.headers)
            return page
        if problem.status == 500 and not isinstance(error, Problem | HTTPException):
            raise error  # to be logged; the outermost handler then answers
        return answer(request, problem)

    async def mistake(request: Request, error: Exception) -> JSONResponse:
        return answer(request, problem_of(error))

    kinds = (Problem, JournalUnavailable, ClientDisconnect, HTTPException, RequestValidationError)
    for kind in (*kinds, *UNREACHABLE):
        app.add_exception_handler(kind, respond)
    app.add_exception_handler(Exception, mistake)
