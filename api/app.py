"""The FastAPI application of one worker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from api import console
from api.console.pages import documentation
from api.console.sessions import stray
from api.http import problem
from api.http.body_budget import BodyBudget
from api.http.head import HeadAnswered
from api.http.openapi import document
from api.http.request_log import Logged
from api.http.request_metrics import Measured
from api.newer_database import refuse_newer_database
from api.process import traces
from api.process.logs import write_logs
from api.process.memory import give_back_large_blocks, spare_what_stays
from api.process.workers import say_ready
from api.routes import (
    accounts,
    audit,
    clawbacks,
    decisions,
    jobs,
    operations,
    payout_runs,
    payouts,
    proofs,
    registry,
    rounds,
    settlement_checks,
    settlements,
    statements,
    totals,
    usage,
)
from api.routes.usage_fast_path import HotPath
from api.service import running
from api.settings import Settings
from meter.database.scope import NOBODY, acting

OPERATION_PATHS = frozenset({"/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"})


def create_app() -> FastAPI:
    """Return an application whose settings come from the environment (uvicorn's factory)."""
    settings = Settings.from_environment()
    write_logs()
    traces.begin("suanbu")
    give_back_large_blocks()
    if settings.workers > 1:
        refuse_newer_database(settings.database_url)
    return app_of(settings, started=spare_what_stays)


class Application(FastAPI):
    """FastAPI, but that the one busy route is answered before its layers, and every request begins as nobody's."""

    def openapi(self) -> dict[str, Any]:
        """Return the document of the API; it is made once."""
        if self.openapi_schema is None:
            self.openapi_schema = document(self)
        return self.openapi_schema

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._logged = Logged(self._answered)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        if HotPath.takes(scope):
            await HotPath(self)(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live the application's life."""
        if scope["type"] == "lifespan":
            await super().__call__(scope, receive, send)
            return
        with acting(NOBODY):  # on whose behalf it acts ends with it, whoever called us
            try:
                await self._logged(scope, receive, send)
            finally:
                self.state.body_budget.over(scope)


def app_of(settings: Settings, started: Callable[[], None] | None = None) -> FastAPI:
    """Return an application that runs one service while it lives.

    `started` is called before it takes its first request.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(settings) as service:
            app.state.service = service
            if started is not None:
                started()
            say_ready()
            yield
        traces.end()

    app = Application(
        title="算补 suanbu",
        summary="算力补助：从用量记录到可解释的兑现金额",
        version="1",
        lifespan=lifespan,
        openapi_url=None,  # a route of ours like the others
        docs_url=None,  # that page would load scripts from elsewhere; ours is api/console/pages/documentation.py
        redoc_url=None,
        redirect_slashes=False,  # a redirect would be made of the Host header
    )
    app.state.body_budget = BodyBudget()
    app.state.public_url = settings.public_url
    problem.install(app, stray=stray)
    app.add_middleware(HeadAnswered, paths=OPERATION_PATHS)
    app.add_middleware(Measured)
    for router in (
        operations.ROUTER,
        usage.ROUTER,
        totals.ROUTER,
        registry.ROUTER,
        rounds.ROUTER,
        settlements.ROUTER,
        decisions.ROUTER,
        settlement_checks.ROUTER,
        jobs.ROUTER,
        payouts.ROUTER,
        payout_runs.ROUTER,
        statements.ROUTER,
        clawbacks.ROUTER,
        accounts.ROUTER,
        audit.ROUTER,
        proofs.ROUTER,
        documentation.ROUTER,
        console.ROUTER,
    ):
        app.include_router(router)
    return app
