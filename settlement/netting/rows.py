"""The use inside the window as arrays by day, each row with the facts that rule on its day (R-WIN, R-FACTS)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from meter.days import date_of
from meter.in_force import facts_in_force
from meter.kernels.kernel import Array, kernel
from settlement.errors import SettlementRefused
from settlement.inputs.frames import WHOLE, Inputs
from settlement.inputs.timeline import Int32Array, Int64Array, timeline
from settlement.rounds.round import Round

BoolArray = npt.NDArray[np.bool_]


class Rows(NamedTuple):
    """One element for each row of use in the window, ascending by day (local days since 1970-01-01)."""

    day: Int32Array
    consumer: Int32Array  # a party
    facility: Int32Array
    purpose: npt.NDArray[np.int8]  # 0 not stated, 1 research, 2 commercial
    via_platform: BoolArray
    millicard_seconds: Int64Array
    megaflops: Int64Array
    charge_fen: Int64Array
    pieces: Int64Array
    facility_fact: Int64Array  # the row of the fact in force on the day


class Owners(NamedTuple):
    """Who owns a facility by a facility fact, and who supplies what it delivers: of fact f those from offset[f] up to
    offset[f + 1]."""

    offset: Int64Array
    party: Int32Array
    is_insider: BoolArray
    supplier_offset: Int64Array
    supplier: Int32Array  # a party
    supplier_share: Int64Array  # billionths


class Places(NamedTuple):
    """What a facility fact says about the place, by the fact's row."""

    in_province: BoolArray
    intelligent: BoolArray


def rows_of(inputs: Inputs, window: tuple[int, int]) -> Rows:
    """Return the rows of the window with their facility fact and chip rating. SettlementRefused:
    FACILITY_NOT_REGISTERED,
    CHIP_NOT_RATED where no fact rules on the day nor ruled before (R-FACTS, R-UNIT); INPUT_DUPLICATE."""
    use = inputs.use
    use = use.filter((pl.col("day") >= window[0]) & (pl.col("day") < window[1]))
    key = ("day", "consumer", "facility", "chip", "purpose", "via_platform")
    order = _key_order(*(np.ascontiguousarray(use[name].to_numpy()) for name in key))
    if order == UNSORTED:
        use = use.sort(key)
        order = _key_order(*(np.ascontiguousarray(use[name].to_numpy()) for name in key))
    if order == REPEATED:
        raise SettlementRefused("INPUT_DUPLICATE", "use has two rows with the same key")
    columns = {name: np.ascontiguousarray(use[name].to_numpy()) for name in use.columns}
    day = columns["day"]
    fact = _facts_on(inputs.facility_facts, "facility", inputs.facilities.height, columns["facility"], day)
    if len(fact) and fact.min() < 0:
        at = int(np.argmin(fact))
        code = inputs.facilities["code"][int(columns["facility"][at])]
        raise SettlementRefused(
            "FACILITY_NOT_REGISTERED", f"R-FACTS: no fact on facility '{code}' on or before {date_of(int(day[at]))}"
        )
    rated = _facts_on(inputs.chip_facts, "chip", inputs.chips.height, columns["chip"], day)
    if len(rated) and rated.min() < 0:
        at = int(np.argmin(rated))
        code = inputs.chips["code"][int(columns["chip"][at])]
        raise SettlementRefused(
            "CHIP_NOT_RATED", f"R-UNIT: no rating of chip '{code}' on or before {date_of(int(day[at]))}"
        )
    megaflops = inputs.chip_facts["megaflops_fp16"].to_numpy()
    return Rows(
        day=day,
        consumer=columns["consumer"],
        facility=columns["facility"],
        purpose=columns["purpose"],
        via_platform=columns["via_platform"],
        millicard_seconds=columns["millicard_seconds"],
        megaflops=megaflops[rated] if len(rated) else np.empty(0, dtype=np.int64),
        charge_fen=columns["charge_fen"],
        pieces=columns["pieces"],
        facility_fact=fact,
    )


ASCENDING, UNSORTED, REPEATED = 0, 1, 2


@kernel
def _key_order(day: Array, consumer: Array, facility: Array, chip: Array, purpose: Array, via_platform: Array) -> int:
    """Return ASCENDING, UNSORTED (some row is below the one before it) or REPEATED (two neighbours are equal)."""
    repeated = False
    for i in range(1, len(day)):
        a = (day[i - 1], consumer[i - 1], facility[i - 1], chip[i - 1], purpose[i - 1], via_platform[i - 1])
        b = (day[i], consumer[i], facility[i], chip[i], purpose[i], via_platform[i])
        if a == b:
            repeated = True
        elif a > b:
            return UNSORTED
    return REPEATED if repeated else ASCENDING


def _facts_on(facts: pl.DataFrame, subject: str, subjects: int, which: Int32Array, day: Int32Array) -> Int64Array:
    """Return the fact of each row on its day, or the last that was in force before (R-FACTS).

    -1 where there is none.
    """
    lines = timeline(facts, facts[subject].to_numpy().astype(np.int64), subjects)
    found: Int64Array = facts_in_force(lines.offset, lines.begin, lines.end, lines.fact, which, day, True)
    return found


def places_of(inputs: Inputs, of_round: Round) -> Places:
    """Return the place and kind of compute by facility fact."""
    facts = inputs.facility_facts
    return Places(
        in_province=facts["region"].str.starts_with(of_round.province_prefix).to_numpy().astype(np.bool_),
        intelligent=facts["intelligent"].to_numpy().astype(np.bool_),
    )


def owners_of(inputs: Inputs, of_round: Round, supply_owner: str) -> Owners:
    """Return owners and suppliers by facility fact, under the reading `supply_owner` (R-NET)."""
    facts = inputs.facility_facts
    listed = inputs.facility_owners.join(
        facts.select("seq", pl.int_range(pl.len(), dtype=pl.Int64).alias("fact")), on="seq", how="inner"
    ).sort("fact", "party")
    fact, party, share = (listed[name].to_numpy() for name in ("fact", "party", "share_billionths"))
    offset = _offsets(fact, facts.height)
    supplier_offset, supplier, supplier_share = offset, party, share
    if supply_owner == "legal_person":
        sole = np.full(facts.height, -1, dtype=np.int32)
        sole[fact[share == WHOLE]] = party[share == WHOLE]
        operator = facts["operator"].fill_null(-1).to_numpy()
        legal = np.where(operator >= 0, operator, sole)
        supplier_offset = _offsets(np.flatnonzero(legal >= 0), facts.height)
        supplier = legal[legal >= 0].astype(np.int32)
        supplier_share = np.full(len(supplier), WHOLE, dtype=np.int64)
    return Owners(
        offset=offset,
        party=party.astype(np.int32),
        is_insider=share >= of_round.insider_share_billionths,
        supplier_offset=supplier_offset,
        supplier=supplier.astype(np.int32),
        supplier_share=supplier_share.astype(np.int64),
    )


def _offsets(sorted_fact: Int64Array, facts: int) -> Int64Array:
    offset = np.zeros(facts + 1, dtype=np.int64)
    np.cumsum(np.bincount(sorted_fact, minlength=facts), out=offset[1:])
    return offset
