"""Operation: is it alive, is it ready, and who did what to what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.base import Answer
from api.schemas.page import page_model
from api.schemas.values import ActorName, Digest, Instant, PositiveNumber


class Health(Answer):
    """The process answers."""

    status: Literal["ok"]


class Readiness(Answer):
    """The database is reachable and has the shape this code needs."""

    status: Literal["ready"]
    revision: Annotated[str, Field(examples=["0001"])]


class AuditRow(Answer):
    """Who did what to what; `detail` is JSON in the very spelling that `digest` covers."""

    seq: PositiveNumber
    at: Instant
    actor: ActorName
    action: Annotated[str, Field(examples=["settlement.approve"])]
    object: Annotated[str, Field(examples=["anhui-2026-0001"])]
    result: Annotated[str, Field(examples=["done"])]
    before: Annotated[str | None, Field(examples=["reviewed"])]
    after: Annotated[str | None, Field(examples=["approved"])]
    detail: Annotated[str, Field(examples=["{}"])]
    digest: Digest


AuditPage = page_model(AuditRow, "AuditPage")
