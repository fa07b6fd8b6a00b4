"""A decision over HTTP, declared once: who may take it, what it carries, what is answered, with what it is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel

from api.auth.keys import Caller, require
from api.http.json_body import body_of
from api.http.operation import operation
from api.request_context import as_caller
from api.schemas.base import Body

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Decision:
    """One word about a settlement, an instruction, a clawback or an account."""

    answer: type[BaseModel]
    scope: str
    body: type[Body]
    codes: Sequence[str]
    city: bool = False
    """Whether it is open to keys that are bound to one city."""
    later: type[BaseModel] | None = None
    """The job that it may be answered with."""

    def describe(self, function: Function) -> Function:
        """Say of a route's function that it takes this decision; a decorator."""
        said = operation(
            self.answer, scope=self.scope, body=self.body, codes=self.codes, city=self.city, later=self.later
        )
        return said(function)

    async def read(self, request: Request) -> tuple[Caller, dict[str, Any]]:
        """Return who decides and what the body states.

        Raises Problem for whoever may not decide, and for a body that does not fit.
        """
        caller = await as_caller(request)
        require(caller, self.scope, of_a_city=self.city)
        return caller, (await body_of(request, self.body)).stated()
