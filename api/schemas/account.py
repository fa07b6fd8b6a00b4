"""Bank accounts as proposals: what one hand recorded, and another approves or rejects."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.base import Answer, Body
from api.schemas.page import page_model
from api.schemas.values import ActorName, Batch, Day, Instant, Name, Note, PositiveNumber, Sha256, Uscc


class AccountApproval(Body):
    """Approve an account; a holder with another name than the entity's is confirmed on its own."""

    note: Annotated[Note | None, Field(examples=["开户许可证已核对"])] = None
    confirm_holder: Annotated[bool | None, Field(examples=[True])] = None


class AccountRejection(Body):
    """Reject an account."""

    note: Annotated[Note | None, Field(examples=["与开户许可证不符"])] = None


class AccountProposal(Answer):
    """A bank account that the registry was told of; nothing is paid to it before it is approved."""

    id: PositiveNumber
    uscc: Uscc
    name: Name
    status: Literal["proposed", "approved", "rejected"]
    account_masked: Annotated[str, Field(examples=["示例银行合肥分行 ****2222"])]
    holder: Annotated[str | None, Field(examples=["示例科技有限公司"])]
    holder_differs: Annotated[bool, Field(examples=[False])]
    replaces_masked: Annotated[
        str | None,
        Field(examples=["示例银行合肥分行 ****1111"], description="The account in force now, or when it was decided."),
    ]
    account_sha256: Sha256
    valid_from: Day | None
    valid_to: Day | None
    batch: Annotated[Batch | None, Field(description="Of the fact that states it; null: the entity proposed it.")]
    proposed_by: ActorName
    proposed_at: Instant
    decided_by: ActorName | None
    decided_at: Instant | None
    note: Annotated[str | None, Field(examples=["开户许可证已核对"])]


AccountProposalPage = page_model(AccountProposal)
