"""The items of the registry as they are sent and listed. The registry reads them, item by item; here they are shown."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, create_model

from api.schemas.base import Answer, Body
from api.schemas.page import page_model
from api.schemas.values import (
    Batch,
    Chip,
    Day,
    DecimalText,
    Fen,
    Identifier,
    Name,
    OwnerUscc,
    Region,
    Source,
    Uscc,
)  # fmt: skip
from meter.registry.shapes import AMOUNT_MAX_FEN

Start = Annotated[Day | None, Field(examples=["2025-01-01"], description="The first day; left out: since ever.")]
End = Annotated[Day | None, Field(description="The day after the last; left out: without end.")]
Document = Annotated[str, Field(examples=["合同 2025-17"], min_length=1, max_length=500)]
Share = Annotated[DecimalText, Field(examples=["1"], description="A share, such as 0.60; above 0, at most 1.")]


class BankAccount(Body):
    """Where money for an entity goes. It is kept sealed and never listed."""

    bank: Annotated[str, Field(examples=["示例银行合肥分行"], min_length=1, max_length=200)]
    account: Annotated[str, Field(examples=["6222000011112222"], min_length=1, max_length=64)]
    holder: Annotated[str, Field(examples=["示例科技有限公司"], min_length=1, max_length=200)]


class Entity(Body):
    """A fact about a legal entity."""

    uscc: Uscc
    name: Annotated[Name, Field(min_length=1, max_length=200)]
    kind: Literal["enterprise", "university", "research_institute", "new_rnd_institution", "government", "other"]
    independent_legal_person: bool
    region: Annotated[Region, Field(description="The seat.")]
    ai_enterprise: Annotated[bool | None, Field(examples=[True])] = None
    state_body: Annotated[bool, Field(examples=[False])]
    bank_account: BankAccount | None = None
    valid_from: Start = None
    valid_to: End = None


class Owner(Body):
    """An investor who built a facility."""

    uscc: OwnerUscc
    share: Share


class Capacity(Body):
    """How many cards of a chip a facility has, and from when to when."""

    chip: Chip
    cards: Annotated[int, Field(examples=[1024], ge=0, le=10**9)]
    from_: Annotated[Day, Field(alias="from", examples=["2025-01-01"])]
    to: End = None


class Facility(Body):
    """A fact about a facility; its owners' shares sum to exactly 1."""

    id: Identifier
    name: Annotated[Name, Field(examples=["合肥智算中心"], min_length=1, max_length=200)]
    region: Region
    intelligent: bool
    owners: Annotated[list[Owner], Field(max_length=1000)]
    operator: Uscc | None = None
    capacity: Annotated[list[Capacity] | None, Field(max_length=1000)] = None
    valid_from: Start = None
    valid_to: End = None


class ChipRating(Body):
    """What an accelerator model computes, dense FP16, in TFLOPS."""

    chip: Chip
    tflops_fp16: Annotated[DecimalText, Field(examples=["320"])]
    source: Annotated[str, Field(examples=["data sheet of the maker, 2024"], min_length=1, max_length=500)]
    valid_from: Start = None
    valid_to: End = None


class Holding(Body):
    """`holder` holds that share of `held`; 0 says that it ended."""

    holder: OwnerUscc
    held: Uscc
    share: Annotated[DecimalText, Field(examples=["0.25"])]
    from_: Annotated[Day | None, Field(alias="from", examples=["2025-01-01"])] = None
    to: End = None
    document: Document


class Expenditure(Body):
    """Evidence of spending; both ends of the period belong to it, a red invoice is negative."""

    id: Annotated[Identifier, Field(examples=["inv-2025-17"])]
    consumer: Uscc
    kind: Literal["contract", "invoice", "payment", "public_support"]
    served_from: Annotated[Day, Field(examples=["2025-09-01"])]
    served_to: Annotated[Day, Field(examples=["2025-09-30"])]
    amount_fen: Annotated[Fen, Field(ge=-AMOUNT_MAX_FEN, le=AMOUNT_MAX_FEN)]
    document: Document


class ControlTotal(Body):
    """What a source says it sent for a local day of `started_at`."""

    day: Day
    records: Annotated[int, Field(examples=[4711], ge=0, le=10**12)]
    charge_fen: Annotated[int, Field(examples=[12_000_000], ge=0, le=10**18)]


class _Recorded(Answer):
    """A recorded fact names its batch; what it does not state is left out."""

    batch: Batch


def _listed(kind: type[Body], *hidden: str) -> type[Answer]:
    """Return the fact as it is listed: what was sent, without what is hidden, and its batch."""
    fields = {name: (field.annotation, field) for name, field in kind.model_fields.items() if name not in hidden}
    return create_model(f"Recorded{kind.__name__}", __base__=_Recorded, __doc__=kind.__doc__, **fields)  # type: ignore[call-overload,no-any-return]


EntityPage = page_model(_listed(Entity, "bank_account"))
FacilityPage = page_model(_listed(Facility))
ChipRatingPage = page_model(_listed(ChipRating))
HoldingPage = page_model(_listed(Holding))
ExpenditurePage = page_model(_listed(Expenditure))


class DayTotal(Answer):
    """Records of a day and what they were charged."""

    records: Annotated[int, Field(examples=[4711])]
    charge_fen: Fen


class Reconciliation(Answer):
    """Declared, recorded, and declared less recorded, of a source and a day."""

    source: Source
    day: Day
    declared: DayTotal | None
    recorded: DayTotal
    gap: DayTotal | None


ReconciliationPage = page_model(Reconciliation)
