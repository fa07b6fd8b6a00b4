"""What one settlement is computed from: frames of ranks and integers, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl

from meter.vocabulary import EXPENDITURE_KINDS
from settlement.errors import SettlementRefused

FACT: Final = {"seq": pl.Int64}
VALID: Final = {"valid_from": pl.Int32, "valid_to": pl.Int32}

# Frame -> column -> type. Days are int32 since 1970-01-01; parties, facilities and chips are ranks in their code list.
COLUMNS: Final[Mapping[str, Mapping[str, Any]]] = {
    "parties": {"party": pl.Int32, "uscc": pl.String},
    "facilities": {"facility": pl.Int32, "code": pl.String},
    "chips": {"chip": pl.Int32, "code": pl.String},
    "use": {
        "day": pl.Int32,
        "consumer": pl.Int32,
        "facility": pl.Int32,
        "chip": pl.Int32,
        "purpose": pl.Int8,
        "via_platform": pl.Boolean,
        "millicard_seconds": pl.Int64,
        "charge_fen": pl.Int64,
        "pieces": pl.Int64,
        "starts": pl.Int64,
    },
    "entity_facts": {
        **FACT,
        "party": pl.Int32,
        "name": pl.String,
        "kind": pl.String,
        "independent_legal_person": pl.Boolean,
        "region": pl.String,
        "ai_enterprise": pl.Boolean,
        "state_body": pl.Boolean,
        **VALID,
    },
    "facility_facts": {
        **FACT,
        "facility": pl.Int32,
        "name": pl.String,
        "region": pl.String,
        "intelligent": pl.Boolean,
        "operator": pl.Int32,
        **VALID,
    },
    "facility_owners": {**FACT, "party": pl.Int32, "share_billionths": pl.Int64},
    "chip_facts": {**FACT, "chip": pl.Int32, "megaflops_fp16": pl.Int64, **VALID},
    "holding_facts": {
        **FACT,
        "holder": pl.Int32,
        "held": pl.Int32,
        "share_billionths": pl.Int64,
        **VALID,
    },
    "expenditure_facts": {
        **FACT,
        "id": pl.String,
        "consumer": pl.Int32,
        "kind": pl.String,
        "served_from": pl.Int32,
        "served_to": pl.Int32,
        "amount_fen": pl.Int64,
    },
    "conflicts": {"party": pl.Int32, "started": pl.Int64, "ended": pl.Int64},
    "settled_before": {"party": pl.Int32, "payable_fen": pl.Int64},
}
NULLABLE: Final = {
    ("entity_facts", "ai_enterprise"),
    ("facility_facts", "operator"),
    *((name, column) for name in COLUMNS for column in VALID),
}
RANKS: Final = {
    "use": {"consumer": "parties", "facility": "facilities", "chip": "chips"},
    "entity_facts": {"party": "parties"},
    "facility_facts": {"facility": "facilities", "operator": "parties"},
    "facility_owners": {"party": "parties"},
    "chip_facts": {"chip": "chips"},
    "holding_facts": {"holder": "parties", "held": "parties"},
    "expenditure_facts": {"consumer": "parties"},
    "conflicts": {"party": "parties"},
    "settled_before": {"party": "parties"},
}
WHOLE: Final = 10**9


def empty(name: str) -> pl.DataFrame:
    """Return an empty frame with the columns and types of the input `name`."""
    return pl.DataFrame(schema=dict(COLUMNS[name]))


@dataclass(frozen=True)
class Inputs:
    """Everything a settlement depends on, as of one cut of journal and registry (see COLUMNS for types and units).

    `applications` (Yinchuan) and `matches` (R-DC) are lists of objects in the shapes of the rule catalogue, their
    parties by code. `has_settled` says whether a locked settlement of the round exists (then `settled_before`).
    """

    parties: pl.DataFrame
    facilities: pl.DataFrame = field(default_factory=lambda: empty("facilities"))
    chips: pl.DataFrame = field(default_factory=lambda: empty("chips"))
    use: pl.DataFrame = field(default_factory=lambda: empty("use"))
    entity_facts: pl.DataFrame = field(default_factory=lambda: empty("entity_facts"))
    facility_facts: pl.DataFrame = field(default_factory=lambda: empty("facility_facts"))
    facility_owners: pl.DataFrame = field(default_factory=lambda: empty("facility_owners"))
    chip_facts: pl.DataFrame = field(default_factory=lambda: empty("chip_facts"))
    holding_facts: pl.DataFrame = field(default_factory=lambda: empty("holding_facts"))
    expenditure_facts: pl.DataFrame = field(default_factory=lambda: empty("expenditure_facts"))
    conflicts: pl.DataFrame = field(default_factory=lambda: empty("conflicts"))
    settled_before: pl.DataFrame = field(default_factory=lambda: empty("settled_before"))
    has_settled: bool = False
    applications: list[dict[str, Any]] = field(default_factory=list)
    matches: list[dict[str, Any]] = field(default_factory=list)

    def check(self) -> None:
        """Raise SettlementRefused when a frame is not what the border promises. Codes: INPUT_COLUMNS, INPUT_NULL,
        INPUT_UNSORTED, INPUT_UNKNOWN_RANK, INPUT_OUT_OF_RANGE, INPUT_DUPLICATE, OWNER_SHARES_NOT_ONE.
        (Holdings above 100 % and unrated chips are judged by day: netting refuses them.)"""
        for name, columns in COLUMNS.items():
            _check_columns(name, getattr(self, name), columns)
        for name, code in (("parties", "uscc"), ("facilities", "code"), ("chips", "code")):
            _check_ranks(name, getattr(self, name), code)
        for name, ranks in RANKS.items():
            frame: pl.DataFrame = getattr(self, name)
            for column, target in ranks.items():
                count = getattr(self, target).height
                low, high = frame[column].min(), frame[column].max()
                if low is not None and (int(str(low)) < 0 or int(str(high)) >= count):
                    raise SettlementRefused("INPUT_UNKNOWN_RANK", f"{name}.{column} names a rank outside {target}")
        _check_values(self)
        _check_owners(self)


def _check_columns(name: str, frame: pl.DataFrame, columns: Mapping[str, Any]) -> None:
    if dict(frame.schema) != dict(columns):
        raise SettlementRefused(
            "INPUT_COLUMNS", f"{name} must have the columns {dict(columns)}, not {dict(frame.schema)}"
        )
    for column in columns:
        if (name, column) not in NULLABLE and frame[column].null_count():
            raise SettlementRefused("INPUT_NULL", f"{name}.{column} has an empty cell")


def _check_ranks(name: str, frame: pl.DataFrame, code: str) -> None:
    rank = frame.columns[0]
    if not np.array_equal(frame[rank].to_numpy(), np.arange(frame.height, dtype=np.int32)):
        raise SettlementRefused("INPUT_UNSORTED", f"{name}.{rank} must be 0, 1, 2, …")
    if frame.height > 1 and not bool((frame[code].slice(1) > frame[code].slice(0, frame.height - 1)).all()):
        raise SettlementRefused("INPUT_UNSORTED", f"{name}.{code} must be sorted and unique")


def _require(holds: object, code: str, detail: str) -> None:
    if not holds:
        raise SettlementRefused(code, detail)


def _at_least(frame: pl.DataFrame, column: str, low: int) -> bool:
    found = frame[column].min()
    return found is None or int(str(found)) >= low


def _check_values(inputs: Inputs) -> None:
    use = inputs.use
    for column, low in (("millicard_seconds", 0), ("charge_fen", 0), ("pieces", 1), ("starts", 0), ("purpose", 0)):
        _require(_at_least(use, column, low), "INPUT_OUT_OF_RANGE", f"use.{column} is below {low}")
    highest = use["purpose"].max()
    _require(highest is None or int(str(highest)) <= 2, "INPUT_OUT_OF_RANGE", "use.purpose is 0, 1 or 2")
    _require(_at_least(inputs.chip_facts, "megaflops_fp16", 1), "INPUT_OUT_OF_RANGE", "a chip's rating is above 0")
    for name in ("facility_owners", "holding_facts"):
        frame: pl.DataFrame = getattr(inputs, name)
        _require(_at_least(frame, "share_billionths", 0), "INPUT_OUT_OF_RANGE", f"{name}: a share is below 0")
    facts = inputs.expenditure_facts
    _require(
        bool(facts["kind"].is_in(EXPENDITURE_KINDS).all()),
        "INPUT_OUT_OF_RANGE",
        f"R-SPEND: the kind of an expenditure is one of {', '.join(EXPENDITURE_KINDS)}",
    )
    _require(
        bool((facts["served_from"] <= facts["served_to"]).all()),
        "INPUT_OUT_OF_RANGE",
        "R-SPEND: an expenditure is served from a day to the same or a later one",
    )
    _require(not facts["id"].is_duplicated().any(), "INPUT_DUPLICATE", "R-SPEND: an expenditure's id occurs twice")
    _require(
        bool((inputs.conflicts["started"] <= inputs.conflicts["ended"]).all()),
        "INPUT_OUT_OF_RANGE",
        "a conflicting record ends before it starts",
    )
    before = inputs.settled_before
    _require(not before["party"].is_duplicated().any(), "INPUT_DUPLICATE", "an entity was settled twice")
    _require(_at_least(before, "payable_fen", 0), "INPUT_OUT_OF_RANGE", "a settled line cannot have paid below 0")
    _require(inputs.has_settled or before.height == 0, "INPUT_OUT_OF_RANGE", "settled lines without a settlement")
    for name in ("entity_facts", "facility_facts", "chip_facts", "holding_facts"):
        _require(not getattr(inputs, name)["seq"].is_duplicated().any(), "INPUT_DUPLICATE", f"{name}: seq occurs twice")


def _check_owners(inputs: Inputs) -> None:
    """Check (R-JV) that the shares of the owners of every facility fact sum to exactly 1."""
    sums = inputs.facility_owners.group_by("seq").agg(
        pl.col("share_billionths").cast(pl.Int128).sum().alias("total"),
        pl.col("party").is_duplicated().any().alias("twice"),
    )
    joined = inputs.facility_facts.join(sums, on="seq", how="left")
    wrong = joined.filter((pl.col("total") != WHOLE) | pl.col("total").is_null() | pl.col("twice"))
    if wrong.height:
        code = inputs.facilities["code"][int(wrong["facility"].min() or 0)]  # type: ignore[arg-type]
        wrong_how = "do not sum to 1, or one stands twice"
        raise SettlementRefused("OWNER_SHARES_NOT_ONE", f"R-JV: the owners' shares of facility '{code}' {wrong_how}")
    stray = inputs.facility_owners.join(inputs.facility_facts, on="seq", how="anti")
    _require(stray.height == 0, "INPUT_UNKNOWN_RANK", "facility_owners names a facility fact that is not there")
