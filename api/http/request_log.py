"""One line of the log for every request, and the name by which client and log speak of it.

A client may say a name in X-Request-Id; otherwise one is made. It is in every answer's headers, in every problem
document and on every line that is logged while the request lasts. No body, query, key or header is logged.
"""

from __future__ import annotations

import os
import re
import time
import uuid
from contextvars import ContextVar
from typing import Any, Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.process import logs, traces
from meter.database.scope import current

HEADER: Final = "X-Request-Id"
SETTING: Final = "SUANBU_ACCESS_LOG"
QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})  # asked every few seconds; said only where they fail
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_CURRENT: ContextVar[str | None] = ContextVar("request id", default=None)


def request_id() -> str:
    """Return the name of the request at hand; outside of any, a new one."""
    return _CURRENT.get() or uuid.uuid4().hex


class Logged:
    """An application around another, which names every request and says what became of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._said = os.environ.get(SETTING, "on").strip().lower() != "off"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        given = Headers(scope=scope).get(HEADER, "")
        name = given if _NAME.fullmatch(given) else uuid.uuid4().hex
        token = _CURRENT.set(name)
        structlog.contextvars.bind_contextvars(request_id=name)
        status, started = 0, time.perf_counter()

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = name
            await send(message)

        try:
            with traces.span(scope["method"], scope["headers"]) as span:
                try:
                    await self._app(scope, receive, named)
                finally:
                    route = getattr(scope.get("route"), "path", None) or scope["path"][:200]
                    if span is not None:
                        _describe(span, scope["method"], route, status, name)
                    if self._said and not (scope["path"] in QUIET and status < 400):
                        logs.log_request(
                            method=scope["method"],
                            route=route,
                            status=status or None,
                            actor=current().actor or None,
                            ms=round((time.perf_counter() - started) * 1000, 1),
                        )
        finally:
            structlog.contextvars.unbind_contextvars("request_id")
            _CURRENT.reset(token)


def _describe(span: Any, method: str, route: str, status: int, name: str) -> None:
    """Say in a span what was asked for and what was answered, under the conventional names."""
    span.update_name(f"{method} {route}")
    span.set_attributes(
        {"http.request.method": method, "http.route": route, "suanbu.request_id": name}
        | ({"http.response.status_code": status} if status else {})
    )
    if status >= 500 or not status:
        from opentelemetry.trace import StatusCode

        span.set_status(StatusCode.ERROR)
