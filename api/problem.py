"""Errors as RFC 9457 problem documents with a stable code."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from meter.journal.transaction import JournalUnavailable, reaching_database

MEDIA_TYPE = "application/problem+json"
_TITLES = {
    400: "Bad request", 401: "Not authenticated", 403: "Not allowed", 404: "Not found", 405: "Method not allowed",
    408: "Too slow", 409: "Conflict", 413: "Too large", 415: "Unsupported media type", 422: "Unprocessable",
    429: "Slow down", 500: "Our mistake", 503: "Not available now", 507: "Out of space",
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
    """The problem document for a request."""
    headers = dict(problem.headers)
    if problem.status == 401:
        headers.setdefault("WWW-Authenticate", "Bearer")
    if problem.status in (429, 503, 507):
        headers.setdefault("Retry-After", "1")
    return JSONResponse(
        {
            "type": f"urn:suanbu:problem:{problem.code}",
            "title": _TITLES.get(problem.status, "Error"),
            "status": problem.status,
            "detail": problem.detail,
            "instance": request.url.path,
            "code": problem.code,
        },
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def install(app: FastAPI) -> None:
    """Make every error of the app a problem document."""

    async def problem(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        return answer(request, error)

    async def unavailable(request: Request, error: Exception) -> JSONResponse:
        return answer(request, Problem(503, "journal_unavailable", str(error)[:300]))

    async def database(request: Request, error: Exception) -> JSONResponse:
        """A database that is away is no mistake of ours: 503, and the client comes back."""
        try:
            async with reaching_database():
                raise error
        except JournalUnavailable as away:
            return await unavailable(request, away)

    async def gone(request: Request, _: Exception) -> JSONResponse:
        return answer(request, Problem(400, "client_gone", "the connection ended before the body did"))

    async def mistake(request: Request, _: Exception) -> JSONResponse:
        return answer(request, Problem(500, "internal_error", "a mistake of ours; it has been logged"))

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        code = {404: "no_such_path", 405: "method_not_allowed"}.get(error.status_code, "http_error")
        return answer(request, Problem(error.status_code, code, str(error.detail), error.headers))

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return answer(request, Problem(400, "bad_request", f"{where}: {first['msg']}"))

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(JournalUnavailable, unavailable)
    for kind in (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        app.add_exception_handler(kind, database)
    app.add_exception_handler(ClientDisconnect, gone)
    app.add_exception_handler(Exception, mistake)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
