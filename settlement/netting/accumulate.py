"""The second pass over the use: what each part is, and the exact sums by party and by group of the day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from meter.kernels.kernel import Array, Whole, kernel
from settlement.errors import SettlementRefused
from settlement.inputs.frames import WHOLE
from settlement.inputs.timeline import Int32Array, Int64Array
from settlement.netting.holdings import Groups, Segment
from settlement.netting.rows import BoolArray, Owners, Places, Rows
from settlement.netting.scope import IN_DOUBT, OUTSIDE_SCHEME, FacilityScope
from settlement.numbers.uint128 import HIGH_LIMIT, ONE, ZERO, UInt64Array, add_pair, int128, multiply_add, scale_pair
from settlement.rounds.reason_codes import EXCLUSIONS, FLAG_BIT, PART_HOLDS, REASON_BIT

HOLD, REFUSE, ACCEPT = 0, 1, 2

# What became of a part, in the order in which the first that fits is taken. The two holds of section 3 come last:
# a part can carry both, and is then counted under the first.
FATES = (*EXCLUSIONS, "PURPOSE_NOT_STATED", *PART_HOLDS)
EXCLUDED_FATES = len(EXCLUSIONS) + 1
REFUSED_PURPOSE, HELD_PURPOSE, HELD_SHARE, ELIGIBLE = 5, 6, 7, 8

_BITS = np.array([REASON_BIT[name] for name in FATES], dtype=np.int64)
_ALLOWED_OUTSIDE = FLAG_BIT["OUT_OF_PROVINCE_ALLOWED_BY_TEXT"]
_INTRA_GROUP = FLAG_BIT["INTRA_GROUP_CHARGES"]
_WHOLE = np.uint64(WHOLE)


@dataclass(frozen=True)
class PartRules:
    """What the round and the readings ask of a part. `purpose_allowed` is indexed by purpose code 0, 1, 2."""

    purpose_restricted: bool
    purpose_allowed: BoolArray
    purpose_missing: int
    facility_in_province: bool
    use_excluded: bool
    net_then_filter: bool


class Sums:
    """All sums of the second pass, by party.

    `pool_…` run on by root of the day. A member's group figures are what its pool gained while it was a member: it
    joins with minus and leaves with plus the pool, modulo 2**128, so a change costs nothing for those who stay.
    Quantities are kept in 1/3.6e15 PFLOPS-hour until `finish` scales consumption to the unit of supply (1/3.6e24).
    """

    def __init__(self, parties: int, rows: Rows) -> None:
        def pairs() -> UInt64Array:
            return np.zeros((parties, 2), dtype=np.uint64)

        self.has_part: BoolArray = np.zeros(parties, dtype=np.bool_)
        self.has_part[rows.consumer] = True
        self.has_kept: BoolArray = np.zeros(parties, dtype=np.bool_)
        self.has_eligible: BoolArray = np.zeros(parties, dtype=np.bool_)
        self.has_scheme: BoolArray = np.zeros(parties, dtype=np.bool_)
        self.reasons: Int64Array = np.zeros(parties, dtype=np.int64)
        self.flags: Int64Array = np.zeros(parties, dtype=np.int64)
        self.all_charges_fen: Int64Array = np.zeros(parties, dtype=np.int64)
        self.eligible_charges_fen: Int64Array = np.zeros(parties, dtype=np.int64)
        self.released_charges_fen: Int64Array = np.zeros(parties, dtype=np.int64)
        self.consumed = pairs()
        self.released_consumed = pairs()
        self.supplied = pairs()
        self.group_consumed = pairs()
        self.group_released_consumed = pairs()
        self.group_supplied = pairs()
        self.pool_consumed = pairs()
        self.pool_released = pairs()
        self.pool_supplied = pairs()
        # Excluded and held use is kept only for consumers: `place` is their position.
        self.consumers: Int32Array = np.flatnonzero(self.has_part).astype(np.int32)
        self.place: Int32Array = np.full(parties, -1, dtype=np.int32)
        self.place[self.consumers] = np.arange(len(self.consumers), dtype=np.int32)
        cells = len(self.consumers) * len(FATES)
        self.fate_use: UInt64Array = np.zeros((cells, 2), dtype=np.uint64)
        self.fate_charge: Int64Array = np.zeros(cells, dtype=np.int64)
        self.fate_pieces: Int64Array = np.zeros(cells, dtype=np.int64)

    def excluded_frame(self) -> pl.DataFrame:
        """Parts that do not count, or not yet: party, status, reason, use (Int128, 1/3.6e15 PFLOPS-hour), charge_fen,
        pieces; sorted by party and in the order of exclusions."""
        cells = np.flatnonzero(self.fate_pieces)
        fate = cells % len(FATES)
        return pl.DataFrame(
            {
                "party": self.consumers[cells // len(FATES)],
                "status": pl.Series(["excluded", "held"]).gather((fate >= EXCLUDED_FATES).astype(np.int64)),
                "reason": pl.Series(FATES).gather(fate),
                "use": int128(self.fate_use[cells], "use"),
                "charge_fen": self.fate_charge[cells],
                "pieces": self.fate_pieces[cells],
            },
            schema={
                "party": pl.Int32,
                "status": pl.String,
                "reason": pl.String,
                "use": pl.Int128,
                "charge_fen": pl.Int64,
                "pieces": pl.Int64,
            },
        )


def sum_rows(
    sums: Sums,
    rows: Rows,
    inside: npt.NDArray[np.uint8],
    places: Places,
    owners: Owners,
    scope: FacilityScope,
    groups: Groups,
    rules: PartRules,
    segment: Segment,
) -> None:
    """Adds the rows of one segment. SettlementRefused: TOTAL_TOO_LARGE."""
    fits = _sum_rows(
        segment.low,
        segment.high,
        rows.consumer,
        rows.facility,
        rows.facility_fact,
        rows.purpose,
        rows.via_platform,
        rows.millicard_seconds,
        rows.megaflops,
        rows.charge_fen,
        rows.pieces,
        inside,
        scope.scope,
        places.in_province,
        places.intelligent,
        owners.supplier_offset,
        owners.supplier,
        owners.supplier_share,
        groups.root,
        rules.purpose_restricted,
        rules.purpose_allowed,
        rules.purpose_missing,
        rules.facility_in_province,
        rules.use_excluded,
        rules.net_then_filter,
        sums.has_kept,
        sums.has_eligible,
        sums.has_scheme,
        sums.reasons,
        sums.flags,
        sums.all_charges_fen,
        sums.eligible_charges_fen,
        sums.released_charges_fen,
        sums.consumed,
        sums.released_consumed,
        sums.supplied,
        sums.pool_consumed,
        sums.pool_released,
        sums.pool_supplied,
        sums.place,
        sums.fate_use,
        sums.fate_charge,
        sums.fate_pieces,
        _BITS,
    )
    _require_fit(fits)


@kernel
def _sum_rows(
    row_low: Whole,
    row_high: Whole,
    consumer: Array,
    facility: Array,
    fact: Array,
    purpose: Array,
    via_platform: Array,
    millicard_seconds: Array,
    megaflops: Array,
    charge: Array,
    pieces: Array,
    inside: Array,
    scope: Array,
    in_province: Array,
    intelligent: Array,
    supplier_offset: Array,
    supplier: Array,
    supplier_share: Array,
    root: Array,
    restricted: Whole,
    allowed: Array,
    missing: Whole,
    province_asked: Whole,
    use_excluded: Whole,
    net_then_filter: Whole,
    has_kept: Array,
    has_eligible: Array,
    has_scheme: Array,
    reasons: Array,
    flags: Array,
    all_charges: Array,
    eligible_charges: Array,
    released_charges: Array,
    consumed: Array,
    released: Array,
    supplied: Array,
    pool_consumed: Array,
    pool_released: Array,
    pool_supplied: Array,
    place: Array,
    fate_use: Array,
    fate_charge: Array,
    fate_pieces: Array,
    bits: Array,
) -> Any:
    fits = True
    for i in range(row_low, row_high):
        e = consumer[i]
        high, low = multiply_add(np.uint64(millicard_seconds[i]), np.uint64(megaflops[i]), ZERO)
        fate = ELIGIBLE
        if not via_platform[i]:
            fate = 0
        else:
            all_charges[e] += charge[i]
            insider = inside[i] == 1
            outside_scheme = insider if use_excluded else scope[facility[i]] == OUTSIDE_SCHEME
            if restricted and purpose[i] != 0 and not allowed[purpose[i]]:
                fate = 1
            elif restricted and purpose[i] == 0 and missing == REFUSE:
                fate = REFUSED_PURPOSE
            elif province_asked and not in_province[fact[i]]:
                fate = 2
            elif not intelligent[fact[i]]:
                fate = 3
            elif insider and outside_scheme:
                fate = 4
            else:
                if not province_asked and not in_province[fact[i]]:
                    flags[e] |= _ALLOWED_OUTSIDE
                if insider and scope[facility[i]] == IN_DOUBT:
                    reasons[e] |= bits[HELD_SHARE]
                    fate = HELD_SHARE
                if restricted and purpose[i] == 0 and missing == HOLD:
                    fate = HELD_PURPOSE
                has_kept[e] = True
                released_charges[e] += charge[i]
                if not net_then_filter:
                    fits &= add_pair(released, e, high, low)
                    fits &= add_pair(pool_released, root[e], high, low)
                if fate == ELIGIBLE:
                    has_eligible[e] = True
                    eligible_charges[e] += charge[i]
                    if charge[i] > 0 and insider:
                        flags[e] |= _INTRA_GROUP
                    if not net_then_filter:
                        fits &= add_pair(consumed, e, high, low)
                        fits &= add_pair(pool_consumed, root[e], high, low)
            if not outside_scheme:
                has_scheme[e] = True
                if net_then_filter:
                    fits &= add_pair(consumed, e, high, low)
                    fits &= add_pair(pool_consumed, root[e], high, low)
                for k in range(supplier_offset[fact[i]], supplier_offset[fact[i] + 1]):
                    m = supplier[k]
                    if m == e:
                        continue
                    small, share_high, share_low = scale_pair(high, low, np.uint64(supplier_share[k]))
                    fits &= small
                    fits &= add_pair(supplied, m, share_high, share_low)
                    if root[m] != root[e]:
                        fits &= add_pair(pool_supplied, root[m], share_high, share_low)
        if fate != ELIGIBLE:
            reasons[e] |= bits[fate]
            cell = place[e] * len(bits) + fate
            fits &= add_pair(fate_use, cell, high, low)
            fate_charge[cell] += charge[i]
            fate_pieces[cell] += pieces[i]
    return fits


def change_groups(sums: Sums, members: Int32Array, root: Int32Array, *, joining: bool) -> None:
    """Members join the group of their root, or leave it."""
    for pool, group in (
        (sums.pool_consumed, sums.group_consumed),
        (sums.pool_released, sums.group_released_consumed),
        (sums.pool_supplied, sums.group_supplied),
    ):
        _change(members, root, pool, group, joining)


@kernel
def _change(members: Array, root: Array, pool: Array, group: Array, joining: Whole) -> None:
    for e in members:
        high, low = pool[root[e], 0], pool[root[e], 1]
        before = group[e, 1]
        if joining:
            group[e, 1] = before - low
            group[e, 0] -= high + (ONE if before < low else ZERO)
        else:
            total = before + low
            group[e, 1] = total
            group[e, 0] += high + (ONE if total < before else ZERO)


def finish(sums: Sums, groups: Groups, *, by_group: bool, net_then_filter: bool) -> None:
    """Closes the group figures and brings all quantities to one unit. Not by group: group figures are the own."""
    everybody = np.arange(len(groups.root), dtype=np.int32)
    change_groups(sums, everybody, groups.root, joining=False)
    for pairs in (sums.group_consumed, sums.group_released_consumed, sums.group_supplied):
        _require_fit(bool((pairs[:, 0] < HIGH_LIMIT).all()))
    if net_then_filter:  # holds are about eligibility: what is released consumes nothing more
        sums.released_consumed = sums.consumed.copy()
        sums.group_released_consumed = sums.group_consumed.copy()
    for pairs in (
        sums.consumed,
        sums.released_consumed,
        sums.group_consumed,
        sums.group_released_consumed,
    ):
        _require_fit(_scale(pairs, _WHOLE))
    if not by_group:
        sums.group_consumed = sums.consumed
        sums.group_released_consumed = sums.released_consumed
        sums.group_supplied = sums.supplied


@kernel
def _scale(pairs: Array, factor: Whole) -> Any:
    everything_fits = True
    for i in range(len(pairs)):
        if pairs[i, 0] != ZERO or pairs[i, 1] != ZERO:
            fits, pairs[i, 0], pairs[i, 1] = scale_pair(pairs[i, 0], pairs[i, 1], factor)
            everything_fits &= fits
    return everything_fits


def _require_fit(fits: object) -> None:
    if not fits:
        raise SettlementRefused(
            "TOTAL_TOO_LARGE", "R-UNIT: a sum of compute does not fit in 126 bits of 1/3.6e24 PFLOPS-hour"
        )


# long: mostly one kernel, which is compiled as one piece
