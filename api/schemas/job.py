"""Jobs: heavy work that was asked for, as it stands."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.schemas.base import Answer
from api.schemas.page import page_model
from api.schemas.values import ActorName, City, Instant

JobKind = Literal["settle", "verify", "lock", "findings", "evidence", "recompute", "compare", "interval", "report"]
JobState = Literal["queued", "running", "done", "failed", "cancelled"]
JobNumber = Annotated[int, Field(examples=[17])]


class JobError(Answer):
    """What a request that waited for the job would have been refused with."""

    status: Annotated[int, Field(examples=[422])]
    code: Annotated[str, Field(examples=["CHIP_NOT_RATED"])]
    detail: Annotated[str, Field(examples=["chip 'card-a' has no rating on 2025-09-01"])]


class Job(Answer):
    """A job: who asked for it, where it stands, and what came of it."""

    id: JobNumber
    kind: JobKind
    state: JobState
    stage: Annotated[str, Field(examples=["compute"], description="What it is at, in a word; may be empty.")]
    done: Annotated[int, Field(examples=[1], description="How much is done, of `total`.")]
    total: Annotated[int | None, Field(examples=[4], description="null: it cannot be said yet.")]
    attempts: Annotated[int, Field(examples=[1], description="How often a worker has begun it.")]
    parameters: Annotated[dict[str, Any], Field(examples=[{"round": "anhui-2026"}])]
    asked_by: ActorName
    city: City | None
    asked_at: Instant
    started_at: Instant | None
    ended_at: Instant | None
    error: Annotated[JobError | None, Field(description="Of one that failed.")]
    result: Annotated[
        dict[str, Any] | None,
        Field(
            examples=[{"settlement": "anhui-2026-0001"}],
            description="Of one that is done: the settlement's number, the verdict of verify or of a recompute, how "
            "many findings there are.",
        ),
    ]
    location: Annotated[
        str | None,
        Field(
            examples=["/v1/settlements/anhui-2026-0001"],
            description="Where what came of it stands: the settlement, or the output.",
        ),
    ]


JobPage = page_model(Job, "JobPage")
