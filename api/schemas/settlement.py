"""Settlements: what is asked for, and what was settled, with its receipt and what happened to it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from api.schemas.base import Answer, Body, DescribedBy
from api.schemas.page import page_model
from api.schemas.values import (
    ActorName,
    Batch,
    City,
    Count,
    Day,
    DecimalText,
    Digest,
    Fen,
    Instant,
    Name,
    OwnerUscc,
    Quantity,
    Region,
    RoundId,
    SettlementId,
    Sha256,
    Uscc,
)  # fmt: skip
from settlement.rounds.reading_table import DEFAULTS, choices
from settlement.rounds.readings import LARGEST_FEN, NOTICE_DAYS_MAX, NUMBER_CHARACTERS_MAX

SettlementStatus = Literal[
    "computed", "submitted", "returned", "reviewed", "approved", "published", "locked", "paid", "cancelled"
]


class Order(Body):
    """What the authority orders. Without a rate the settlement is a forecast at the ceiling and pays nothing."""

    rate: Annotated[DecimalText | None, Field(examples=["0.20"], description="Exact, at most the round's ceiling.")] = (
        None
    )
    budget_fen: Annotated[int | None, Field(ge=0, le=LARGEST_FEN)] = None
    uplift: Annotated[bool, Field(description="Whether northern seats get more (皖北上浮).")] = False
    number: Annotated[str | None, Field(examples=["皖科〔2026〕8号"], max_length=NUMBER_CHARACTERS_MAX)] = None
    notice_days: Annotated[
        int | None, Field(ge=0, le=NOTICE_DAYS_MAX, description="Whole days of the public notice before the lock.")
    ] = None


def _readings(name: str, base: type[BaseModel], *, every: bool) -> type[BaseModel]:
    """Make the model of the readings out of their one table."""
    fields: dict[str, Any] = {
        reading: (Literal[values], ...) if every else (Literal[values] | None, None)
        for reading in DEFAULTS
        for values in [tuple(choices(reading))]
    }
    doc = "The switches of the policy, one value each (docs/rules.md, section 7)."
    return create_model(name, __base__=base, __doc__=doc, **fields)


Readings = _readings("Readings", Body, every=False)
ReadingsInForce = Annotated[dict[str, Any], DescribedBy(_readings("ReadingsInForce", Answer, every=True))]


class Application(Body):
    """An application under the Yinchuan draft (docs/rules.md, section 8); which fields it takes, its article says."""

    model_config = ConfigDict(extra="allow")

    id: Annotated[str, Field(examples=["a1"])]
    consumer: Uscc
    article: Annotated[str, Field(examples=["9"], json_schema_extra={"enum": ["5", "9", "14"]})]
    from_: Annotated[Day, Field(alias="from", examples=["2024-01-01"])]
    to: Annotated[Day, Field(examples=["2025-01-01"])]


class CentreMatch(Body):
    """A city's own subsidy of a new centre, which the province matches (R-DC)."""

    id: Annotated[str, Field(examples=["m1"])]
    city: City
    new_single_site_pflops: Annotated[str | int, Field(examples=["400"], description="An exact number.")]
    completed: Annotated[Day, Field(examples=["2024-06-30"])]
    city_paid_fen: Annotated[int, Field(examples=[300_000_000], ge=0)]
    document: Annotated[str | None, Field(examples=["拨付凭证"])] = None


OrderGiven = Annotated[dict[str, Any], DescribedBy(Order)]
ReadingsGiven = Annotated[dict[str, Any], DescribedBy(Readings)]


class RunSettlement(Body):
    """What is to be settled."""

    round: Annotated[str, Field(examples=["anhui-2026"])]
    order: Annotated[OrderGiven | None, Field(examples=[{"rate": "0.20"}])] = None
    readings: Annotated[ReadingsGiven | None, Field(examples=[{"related": "0.25"}])] = None
    as_of: Annotated[int | None, Field(description="Settle what was recorded up to this batch.")] = None
    matches: list[Annotated[Any, DescribedBy(CentreMatch)]] | None = None
    applications: list[Annotated[Any, DescribedBy(Application)]] | None = None
    other_terms: Annotated[
        bool, Field(description="Whether other terms than those of the round's locked settlement are meant.")
    ] = False


class Totals(Answer):
    """Sums of a settlement; `adjustment_fen` where an earlier settlement of the round paid."""

    award_fen: Fen
    held_fen: Annotated[Fen, Field(examples=[0])]
    payable_fen: Fen
    adjustment_fen: Fen | None = None
    charge_in_window_fen: Annotated[Fen | None, Field(examples=[60_000_000])] = None
    charge_outside_window_fen: Annotated[Fen | None, Field(examples=[0])] = None


class OrderInForce(Answer):
    """The order as it was read; what it does not say is left out."""

    rate: Annotated[str | None, Field(examples=["0.2"])] = None
    budget_fen: int | None = None
    uplift: bool | None = None
    number: str | None = None
    notice_days: int | None = None


class Settlement(Answer):
    """A settlement."""

    id: SettlementId
    round: RoundId
    status: SettlementStatus
    as_of: Batch
    order: OrderInForce
    readings: ReadingsInForce
    totals: Totals
    digest: Digest
    adjusts: Annotated[SettlementId | None, Field(examples=[None], description="The locked one that it adjusts.")]
    run_by: ActorName
    created_at: Instant


class SettlementReceipt(Answer):
    """From what a settlement was computed: enough to compute it again and to prove that nothing changed."""

    as_of: Batch
    journal_digest: Digest | None
    inputs: Annotated[dict[str, Digest], Field(examples=[{"use": "sm3:a9b2b806"}])]
    round_sha256: Sha256
    code: Annotated[str, Field(examples=["0.1.0+sha256:fb0f50597f1ad268"])]
    adjusts: Annotated[SettlementId | None, Field(examples=[None])]
    output: Digest


class MatchOutcome(Answer):
    """What one city gets for one centre."""

    id: Annotated[str, Field(examples=["m1"])]
    city: City
    city_paid_fen: Fen
    share: Annotated[str, Field(examples=["1/2"])]
    award_fen: Fen
    reasons: Annotated[list[str], Field(examples=[[]])]
    document: str | None


class SettlementEvent(Answer):
    """What was decided, by whom and when."""

    id: Count
    event: Literal[
        "run",
        "submit",
        "review",
        "return",
        "approve",
        "publish",
        "objection",
        "ruling",
        "lock",
        "cancel",
        "paid",
        "reopen",
    ]
    actor: ActorName
    at: Instant
    detail: Annotated[dict[str, Any], Field(examples=[{"note": "复核无误"}])]


class IntervalLine(Answer):
    """How far the award of one entity moves over the readings."""

    uscc: Uscc
    name: Name | None
    region: Region | None
    strictest_fen: Fen
    default_fen: Fen
    generous_fen: Fen
    moved_by: Annotated[list[str], Field(examples=[["uplift"]])]


class IntervalTotals(Answer):
    """The sums of the three."""

    strictest_fen: Fen
    default_fen: Fen
    generous_fen: Fen


class Interval(Answer):
    """The strictest, the default and the most generous outcome over the readings."""

    totals: IntervalTotals
    lines: list[IntervalLine]


class SettlementInFull(Settlement):
    """A settlement with its receipt, its matches and what happened to it."""

    receipt: SettlementReceipt
    matches: list[MatchOutcome]
    events: list[SettlementEvent]
    interval: Annotated[Interval | None, Field(description="Where it was asked for.")] = None


SettlementPage = page_model(Settlement)


class Line(Answer):
    """What one entity gets, and from what."""

    uscc: Uscc
    name: Name | None
    region: Region | None
    consumed_pflops_hours: Annotated[Quantity, Field(examples=["1000"])]
    supplied_pflops_hours: Annotated[Quantity, Field(examples=["400"])]
    net_pflops_hours: Annotated[Quantity, Field(examples=["600"])]
    group: Annotated[OwnerUscc, Field(description="The head of its group.")]
    group_consumed_pflops_hours: Annotated[Quantity, Field(examples=["1000"])]
    group_supplied_pflops_hours: Annotated[Quantity, Field(examples=["400"])]
    eligible_expenditure_fen: Annotated[Fen, Field(examples=[100_000_000])]
    base_fen: Annotated[Fen, Field(examples=[60_000_000])]
    award_fen: Fen
    held_fen: Annotated[Fen, Field(examples=[0])]
    payable_fen: Fen
    adjustment_fen: Fen | None = None
    reasons: Annotated[list[str], Field(examples=[[]])]
    flags: Annotated[list[str], Field(examples=[[]])]
    items: Annotated[dict[str, int] | None, Field(description="Application and fen, in Yinchuan.")] = None


LinePage = page_model(Line)


class Step(Answer):
    """One step of a line: the rule, where it stands, and what it makes of what; each can be replayed."""

    rule: Annotated[str, Field(examples=["R-NET-FORMULA"])]
    title: Annotated[str, Field(examples=["算力补助量=算力使用量-算力被使用量"])]
    document: Annotated[str | None, Field(examples=["S3"])]
    article: Annotated[str | None, Field(examples=["三（一）4"])]
    quote: Annotated[str | None, Field(examples=["算力补助量=算力使用量-算力被使用量"])]
    ext: Annotated[str | None, Field(examples=[None])]
    reading: Annotated[dict[str, str], Field(examples=[{"supply_owner": "equity_group"}])]
    operation: Annotated[str, Field(examples=["net"])]
    parameters: Annotated[dict[str, Any], Field(examples=[{"supplied_pflops_hours": "400"}])]
    before: Annotated[dict[str, Any], Field(examples=[{"consumed_pflops_hours": "1000"}])]
    after: Annotated[dict[str, Any], Field(examples=[{"net_pflops_hours": "600", "supplied_pflops_hours": "400"}])]


class ExcludedUse(Answer):
    """Use that does not count, or not yet."""

    status: Annotated[str, Field(examples=["excluded"])]
    reason: Annotated[str, Field(examples=["NOT_VIA_PLATFORM"])]
    pflops_hours: Quantity
    charge_fen: Fen
    pieces: Count


class LineInFull(Line):
    """A line with its steps and the excluded use by reason."""

    steps: list[Step]
    excluded: list[ExcludedUse]
