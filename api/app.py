"""The FastAPI application of one worker."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response

from api import (
    audit,
    claims,
    console,
    documentation,
    metrics,
    operations,
    payouts,
    problem,
    registry,
    settlements,
    usage,
)
from api.kernels import forget_stale_kernels
from api.orphan import end_with_parent
from api.service import running
from api.settings import Settings


def create_app() -> FastAPI:
    """An application whose settings come from the environment (uvicorn's factory)."""
    forget_stale_kernels()
    settings = Settings.from_environment()
    if settings.workers > 1:
        end_with_parent()
    return app_of(settings)


def app_of(settings: Settings) -> FastAPI:
    """An application that runs one service while it lives."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(settings) as service:
            app.state.service = service
            yield

    app = FastAPI(
        title="算补 suanbu",
        summary="算力补助：从用量记录到可解释的兑现金额",
        version="1",
        lifespan=lifespan,
        docs_url=None,  # that page would load scripts from elsewhere; ours is api/documentation.py
        redoc_url=None,
    )
    problem.install(app)
    app.middleware("http")(_measure)
    for router in (
        operations.ROUTER,
        usage.ROUTER,
        registry.ROUTER,
        settlements.ROUTER,
        payouts.ROUTER,
        claims.ROUTER,
        audit.ROUTER,
        documentation.ROUTER,
        console.ROUTER,
    ):
        app.include_router(router)
    return app


async def _measure(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    started = time.perf_counter()
    response = await call_next(request)
    if request.url.path.startswith("/v1/"):  # money and names are kept by no cache on the way
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
    route = request.scope.get("route")
    path = getattr(route, "path", "unknown")
    metrics.HTTP.labels(request.method, path, response.status_code).inc()
    metrics.HTTP_SECONDS.labels(request.method, path).observe(time.perf_counter() - started)
    return response
