"""What-if and proof: comparing settlements, and computing one again."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from api.schemas.base import Answer, Body, DescribedBy
from api.schemas.page import page_model
from api.schemas.settlement import Order, OrderInForce, Readings, ReadingsInForce, Totals
from api.schemas.values import Count, Digest, Fen, Name, Region, RoundId, SettlementId, Uscc


class Compare(Body):
    """Two settlements `a` and `b`; or a round under several orders and readings."""

    a: str | None = None
    b: str | None = None
    round: Annotated[str | None, Field(examples=["anhui-2026"])] = None
    orders: Annotated[
        list[Annotated[Any, DescribedBy(Order)]] | None, Field(examples=[[{"rate": "0.10"}, {"rate": "0.20"}]])
    ] = None
    readings: list[Annotated[Any, DescribedBy(Readings)]] | None = None
    as_of: int | None = None


class MoneyDifference(Answer):
    """Money of one side, of the other, and the difference."""

    award_fen_a: Fen
    award_fen_b: Fen
    award_fen_difference: Annotated[Fen, Field(examples=[0])]
    held_fen_a: Fen
    held_fen_b: Fen
    held_fen_difference: Annotated[Fen, Field(examples=[0])]
    payable_fen_a: Fen
    payable_fen_b: Fen
    payable_fen_difference: Annotated[Fen, Field(examples=[0])]


class CityDifference(MoneyDifference):
    """How a city's lines differ."""

    city: Annotated[str, Field(examples=["340100"], description="A city's code, or `unknown`.")]
    lines_changed: Count


class EntityDifference(MoneyDifference):
    """How the line of an entity differs, and in which fields."""

    uscc: Uscc
    name: Name | None
    region: Region | None
    in_a: bool | None
    in_b: bool | None
    changed: Annotated[list[str], Field(examples=[["award_fen"]])]


class Difference(Answer):
    """The difference from the first settlement."""

    totals: Annotated[dict[str, int], Field(examples=[{"award_fen": 6_000_000}])]
    cities: list[CityDifference]
    entities: list[EntityDifference]


class Compared(Answer):
    """One settlement of a comparison."""

    round: RoundId
    order: OrderInForce
    readings: ReadingsInForce
    totals: Totals
    digest: Digest
    difference: Difference


Comparison = page_model(Compared, "Comparison")


class CodeVersions(Answer):
    """The code that computed it, and the code that computes it now."""

    then: Annotated[str, Field(examples=["0.1.0+sha256:fb0f50597f1ad268"])]
    now: Annotated[str, Field(examples=["0.1.0+sha256:fb0f50597f1ad268"])]


class Verification(Answer):
    """A settlement computed again from the records: equal, or where not."""

    settlement: SettlementId
    equal: bool
    digest: Digest
    recomputed_digest: Digest
    lines: Annotated[Count, Field(examples=[7])]
    different_lines: Annotated[list[str], Field(examples=[[]])]
    different_steps: Annotated[list[str], Field(examples=[[]])]
    different_sums: Annotated[list[str], Field(examples=[[]])]
    different_inputs: Annotated[list[str], Field(examples=[[]])]
    rollup_equal: bool
    journal_digest_equal: bool
    code: CodeVersions
