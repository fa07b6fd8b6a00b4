"""Receiving usage records past the framework's layers, which cost more than recording a record does.

The route stays a route of the application (`/openapi.json` shows it, and a request with a query goes there); errors
and metrics are the same.
"""

from __future__ import annotations

import logging
import time

from fastapi import FastAPI, Request, Response
from starlette.types import Receive, Scope, Send

from api.http import metrics
from api.http.problem import answer, problem_of
from api.http.request_metrics import kept_by_nobody
from api.routes.usage import post_usage_records

PATH = "/v1/usage-records"
LOG = logging.getLogger("suanbu.http")


class HotPath:
    """`POST /v1/usage-records` without a query."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    @staticmethod
    def takes(scope: Scope) -> bool:
        """Return whether a request is one for this path."""
        return (
            scope["type"] == "http"
            and scope["path"] == PATH
            and scope["method"] == "POST"
            and not scope["query_string"]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter()
        scope["app"] = self._app
        request = Request(scope, receive)
        response = await _answered(request)
        kept_by_nobody(response.headers)
        await response(scope, receive, send)
        metrics.HTTP.labels("POST", PATH, response.status_code).inc()
        metrics.HTTP_SECONDS.labels("POST", PATH).observe(time.perf_counter() - started)


async def _answered(request: Request) -> Response:
    try:
        return await post_usage_records(request)
    except Exception as error:
        # no name here may keep the error: it would keep this frame and the body, and they it, until the next collection
        return _told(request, error)


def _told(request: Request, error: Exception) -> Response:
    problem = problem_of(error)
    if problem.status == 500:
        LOG.exception("a request ended with a mistake of ours")
    return answer(request, problem)
