"""The routes of the application as it is built, and its parameters: what tests of every route walk over."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Path, Query
from fastapi.routing import APIRoute, iter_route_contexts

from api.app import app_of
from api.settings import Settings


@dataclass(frozen=True)
class Route:
    """One method of one path, with the names of its parameters."""

    method: str
    path: str
    in_path: tuple[str, ...]
    in_query: tuple[str, ...]
    route: APIRoute
    pattern: re.Pattern[str]

    def takes(self, path: str) -> bool:
        """Whether a path is this route's."""
        return self.pattern.fullmatch(path) is not None

    @property
    def is_page(self) -> bool:
        """Whether it is a page of the console, which answers with pages and is not in the document."""
        return self.path.startswith("/console")


@functools.cache
def all_routes() -> Sequence[Route]:
    """Every route of the application; it is built, and never runs."""
    return tuple(_routes())


def described_routes() -> Sequence[Route]:
    """The routes under /v1 and of operation."""
    return tuple(one for one in all_routes() if not one.is_page)


def _routes() -> Iterator[Route]:
    app = app_of(Settings("postgresql://nowhere"))
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        assert isinstance(route, APIRoute), f"{context.path} is no route of ours"
        assert context.path is not None
        named = [(one.alias, one.field_info) for one in get_flat_params(route.dependant)]
        for method in sorted(context.methods or ()):
            yield Route(
                method,
                context.path,
                tuple(name for name, info in named if isinstance(info, Path)),
                tuple(name for name, info in named if isinstance(info, Query)),
                route,
                context.path_regex,
            )
