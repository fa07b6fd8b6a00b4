"""An error as a problem document (RFC 9457)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.schemas.base import Answer


class Problem(Answer):
    """What went wrong: the `code` is stable and for programs, the `detail` is for people."""

    type: Annotated[str, Field(examples=["urn:suanbu:problem:scope_missing"])]
    title: Annotated[str, Field(examples=["Not allowed"])]
    status: Annotated[int, Field(examples=[403])]
    detail: Annotated[str, Field(examples=["this needs a key with scope report:read"])]
    instance: Annotated[str, Field(examples=["/v1/settlements"], description="The path that was asked for.")]
    code: Annotated[str, Field(examples=["scope_missing"])]
    request_id: Annotated[
        str,
        Field(
            examples=["5f1c9ad4b5d94c1f8f3c6f3f0a9c1d2e"],
            description="What the service's log calls this request: as X-Request-Id said, or made for it.",
        ),
    ]
