"""What changed behind a settlement since it was run, for whoever approves it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.schemas.base import Answer
from api.schemas.page import Next
from api.schemas.values import ActorName, Batch, Count, Instant, Uscc

Masked = Annotated[str | None, Field(examples=["示例银行合肥分行 ****2222"])]


class Change(Answer):
    """A fact that was recorded after the settlement's batch, or how many records a later delivery corrected."""

    kind: Literal["entities", "holdings", "expenditures", "facilities", "chips", "corrections"]
    batch: Batch
    ordinal: Annotated[Count, Field(examples=[0])]
    subject: Annotated[str | None, Field(examples=["91340100MA0000001K"], description="What the fact is about.")]
    recorded_by: ActorName
    recorded_at: Instant
    fact: Annotated[dict[str, Any] | None, Field(examples=[{"uscc": "91340100MA0000001K"}])]
    records: Annotated[int | None, Field(description="How many records of its consumers the delivery corrected.")]


class ChangedAccount(Answer):
    """A payable line whose account is missing, waits for approval, or is not the one that was approved."""

    uscc: Uscc
    name: Annotated[str, Field(examples=["示例科技有限公司"])]
    account_masked: Masked
    approved_masked: Masked
    changed: Annotated[bool, Field(examples=[False])]
    waits: Annotated[bool, Field(examples=[True])]


class ChangedAccounts(Answer):
    """How many payable lines the lock would refuse, or may soon, and the first of them."""

    lines: Annotated[Count, Field(examples=[1])]
    first: list[ChangedAccount]


class ChangePage(Answer):
    """A portion of what changed, and the accounts."""

    items: list[Change]
    next: Next
    accounts: ChangedAccounts
