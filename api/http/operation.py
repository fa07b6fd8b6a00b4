"""What a route says of itself beyond its parameters: its scope, its body, its answer, and the codes of its errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

Function = TypeVar("Function", bound=Callable[..., Any])
_KEPT = "suanbu_operation"

KEYED = (
    "no_key", "unknown_key", "expired_key", "secret_sent", "signature_missing", "bad_signature", "stale_signature",
    "replayed_request", "scope_missing",
)  # fmt: skip
EVERYWHERE = ("unknown_parameter", "bad_text", "client_gone", "internal_error")
WITH_PARAMETERS = ("bad_request", "repeated_parameter")
JSON_BODY = (
    "not_json", "duplicate_key", "not_an_object", "unknown_field", "wrong_type", "missing_field", "bad_request",
    "out_of_range", "body_too_large", "body_too_slow",
)  # fmt: skip
LATER = ("job_cancelled", "job_given_up", "overloaded")


@dataclass(frozen=True)
class Content:
    """A body or answer by its media types: a model, or a schema of its own, with an example."""

    schemas: Mapping[str, type[BaseModel] | dict[str, Any]]
    examples: Mapping[str, Any] = field(default_factory=dict)
    models: Sequence[type[BaseModel]] = ()
    """The models that the schemas name."""

    @classmethod
    def json(
        cls, schema: type[BaseModel] | dict[str, Any], example: Any = None, models: Sequence[type[BaseModel]] = ()
    ) -> Content:
        """JSON, and nothing else."""
        return cls({"application/json": schema}, {} if example is None else {"application/json": example}, models)


@dataclass(frozen=True)
class Operation:
    """What the document says of a route; see `operation`."""

    answer: Content
    scope: str | None
    body: Content | None = None
    body_required: bool = True
    codes: Sequence[str] = ()
    city: bool = False
    """Whether it is open to keys that are bound to one city."""
    or_scope: str | None = None
    """Another scope that is enough."""
    answered: str = "The answer"
    statuses: Mapping[str, int] = field(default_factory=dict)
    """Codes that this route answers with another status than others do."""
    later: Content | None = None
    """What it answers (202) when its job is not over in time."""


def operation(  # noqa: PLR0913 - each says one thing of a route
    answer: type[BaseModel] | Content,
    *,
    scope: str | None,
    body: type[BaseModel] | Content | None = None,
    body_required: bool = True,
    codes: Sequence[str] = (),
    city: bool = False,
    or_scope: str | None = None,
    answered: str = "The answer",
    statuses: Mapping[str, int] | None = None,
    later: type[BaseModel] | None = None,
) -> Callable[[Function], Function]:
    """Say of a route's function what it takes and answers; the document of the API is made of this."""
    if isinstance(body, type):
        body, codes = Content.json(body), (*JSON_BODY, *codes)
    if isinstance(answer, type):
        answer = Content.json(answer)
    if later is not None:
        codes = (*codes, *LATER)
    job = None if later is None else Content.json(later)
    said = Operation(answer, scope, body, body_required, codes, city, or_scope, answered, statuses or {}, job)

    def keep(function: Function) -> Function:
        setattr(function, _KEPT, said)
        return function

    return keep


def operation_of(function: object) -> Operation | None:
    """Return what was said of a route's function."""
    found = getattr(function, _KEPT, None)
    assert found is None or isinstance(found, Operation)
    return found
