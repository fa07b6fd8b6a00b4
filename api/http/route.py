"""The common door of every route under /v1: what a request hands over is checked before the route sees it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute

from api.http.prefer import APPLIED, applied_to
from api.http.problem import Problem
from api.http.text import EXPLANATION, path_is_holdable, rest_is_holdable

SHOWN_CHARACTERS = 64


class ApiRoute(APIRoute):
    """A route that takes the query parameters it declares, each at most once, and only text that can be held."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the framework's handler, which would ignore what it does not know."""
        handler = super().get_route_handler()
        known = query_parameters(self)

        async def checked(request: Request) -> Response:
            if not path_is_holdable(request.scope):
                raise Problem(404, "no_such_path", EXPLANATION)
            if not rest_is_holdable(request.scope):
                raise Problem(400, "bad_text", EXPLANATION)
            if request.scope["query_string"]:
                refuse_unknown_parameters(request, known)
            response = await handler(request)
            if (applied := applied_to(request)) is not None:
                response.headers[APPLIED] = applied
            return response

        return checked


def query_parameters(route: APIRoute) -> frozenset[str]:
    """Return the names of the query parameters that a route declares."""
    return frozenset(one.alias for one in get_flat_params(route.dependant) if isinstance(one.field_info, Query))


def refuse_unknown_parameters(request: Request, known: frozenset[str]) -> None:
    """Raise Problem 400 for a query parameter that the route does not declare, or that is given more than once."""
    seen = set()
    for name, _ in request.query_params.multi_items():
        shown = name[:SHOWN_CHARACTERS]
        if name not in known:
            there_are = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
            raise Problem(400, "unknown_parameter", f"this path takes no query parameter {shown!r}; {there_are}")
        if name in seen:
            raise Problem(400, "repeated_parameter", f"the query parameter {shown!r} is given more than once")
        seen.add(name)
