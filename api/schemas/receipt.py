"""What became of each record or item of a delivery."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.base import Answer
from api.schemas.codes import ItemCode, RecordCode
from api.schemas.values import Batch, Count, Digest, Instant, RecordId, Source

Status = Literal["accepted", "duplicate", "conflict", "refused"]
Detail = Annotated[str, Field(examples=["facility 'hf-99' is not registered"])]


class RecordResult(Answer):
    """What became of one record."""

    index: Annotated[Count, Field(examples=[3], description="Its place in the delivery, from 0.")]
    id: Annotated[RecordId | None, Field(examples=["e9"])]
    status: Annotated[Status, Field(examples=["refused"])]
    code: Annotated[RecordCode | None, Field(examples=["unknown_facility"])] = None
    detail: Annotated[str | None, Field(examples=["facility 'hf-99' is not registered"])] = None


class Counts(Answer):
    """received = accepted + duplicate + conflict + refused."""

    received: Annotated[Count, Field(examples=[2])]
    accepted: Annotated[Count, Field(examples=[1])]
    duplicate: Annotated[Count, Field(examples=[0])]
    conflict: Annotated[Count, Field(examples=[0])]
    refused: Annotated[Count, Field(examples=[1])]


class Receipt(Counts):
    """The answer to a delivery of records, given once all it reports is durably committed."""

    batch: Batch | None
    digest: Digest | None
    results: Annotated[list[RecordResult], Field(description="What was not accepted; with `verbose` everything.")]


class ItemResult(Answer):
    """What became of one item of the registry."""

    index: Annotated[Count, Field(examples=[1])]
    id: Annotated[str | None, Field(examples=["hf-02"], description="What the item is about.")] = None
    status: Annotated[Status, Field(examples=["refused"])]
    code: Annotated[ItemCode | None, Field(examples=["shares_do_not_sum_to_one"])] = None
    detail: Annotated[str | None, Field(examples=["the owners' shares must sum to exactly 1 (R-JV: who built it)"])] = (
        None
    )


class RegistryWarning(Answer):
    """Something that is accepted, and that a person should look at."""

    index: Annotated[Count, Field(examples=[0])]
    code: Literal["OWNER_HAS_HOLDERS", "CHANGES_NOTHING", "ACCOUNT_PROPOSED"]
    detail: Annotated[str, Field(examples=["the owner 91340100MA0000999Q has recorded holders of 25 % or more"])]


class RegistryReceipt(Counts):
    """The answer to items of the registry; batch and digest are null where nothing was new."""

    batch: Batch | None
    digest: Digest | None
    results: Annotated[list[ItemResult], Field(description="What was not accepted.")]
    warnings: list[RegistryWarning]


class StoredResult(Answer):
    """A record of a batch that is kept in quarantine."""

    index: Annotated[Count, Field(examples=[3])]
    id: Annotated[str | None, Field(examples=["e9"])]
    status: Literal["conflict", "refused"]
    code: RecordCode
    detail: Detail


class BatchReceipt(Counts):
    """A batch of the journal: what it brought, and its place in the chain of digests."""

    batch: Batch
    kind: Annotated[str, Field(examples=["usage"])]
    source: Source | None
    recorded_at: Instant
    digest: Digest
    contents: Annotated[
        dict[str, str],
        Field(
            examples=[{"body": "sm3/4096:e4b003ca", "rows": "sm3/4096:ffa6ab3b"}], description="Digests of its parts."
        ),
    ]
    results: list[StoredResult]
