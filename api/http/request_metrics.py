"""Counts and times every request that is answered, and sees to it that no cache on the way keeps money or names."""

from __future__ import annotations

import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http import metrics

UNDER = "/v1/"
KEPT_BY_NOBODY = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def kept_by_nobody(headers: MutableHeaders) -> None:
    """Add to an answer's headers what keeps it out of caches, unless it says so already."""
    for name, value in KEPT_BY_NOBODY.items():
        headers.setdefault(name, value)


class Measured:
    """An application around another; it looks at what passes and holds nothing back."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500  # an error that passes here is answered further out
        started = time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if scope["path"].startswith(UNDER):
                    kept_by_nobody(MutableHeaders(scope=message))
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            metrics.HTTP.labels(scope["method"], route, status).inc()
            metrics.HTTP_SECONDS.labels(scope["method"], route).observe(time.perf_counter() - started)
