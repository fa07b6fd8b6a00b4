"""The second pass over the use: what each part is, and the exact sums by party and by group of the day."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from meter.kernels.kernel import Array, Whole, kernel
from settlement.errors import SettlementRefused
from settlement.inputs.frames import WHOLE
from settlement.inputs.timeline import Int32Array, Int64Array
from settlement.netting.holdings import Groups, Segment
from settlement.netting.rows import BoolArray, Owners, Places, Rows
from settlement.netting.scope import IN_DOUBT, OUTSIDE_SCHEME
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


class PartRules(NamedTuple):
    """What the round and the readings ask of a part. `purpose_allowed` is indexed by purpose code 0, 1, 2."""

    purpose_restricted: bool
    purpose_allowed: BoolArray
    purpose_missing: int  # HOLD, REFUSE or ACCEPT
    facility_in_province: bool
    use_excluded: bool
    net_then_filter: bool


class Given(NamedTuple):
    """All that the second pass reads."""

    rows: Rows
    inside: npt.NDArray[np.uint8]  # by row: 1 for use by insiders of the facility
    places: Places
    owners: Owners
    scope: npt.NDArray[np.int8]  # by facility
    rules: PartRules


class Sums(NamedTuple):
    """All sums of the second pass, by party unless said otherwise; quantities are pairs, shape (n, 2).

    `pool_…` run on by root of the day. A member's group figures are what its pool gained while it was a member: it
    joins with minus and leaves with plus the pool, modulo 2**128, so a change costs nothing for those who stay.
    Quantities are kept in 1/3.6e15 PFLOPS-hour until `finish` scales consumption to the unit of supply (1/3.6e24).
    Excluded and held use is kept only for `consumers`: the cell of fate f of party p is place[p] * len(FATES) + f.
    """

    has_part: BoolArray
    has_kept: BoolArray
    has_eligible: BoolArray
    has_scheme: BoolArray
    reasons: Int64Array
    flags: Int64Array
    all_charges_fen: Int64Array
    eligible_charges_fen: Int64Array
    released_charges_fen: Int64Array
    consumed: UInt64Array
    released_consumed: UInt64Array
    supplied: UInt64Array
    group_consumed: UInt64Array
    group_released_consumed: UInt64Array
    group_supplied: UInt64Array
    pool_consumed: UInt64Array
    pool_released: UInt64Array
    pool_supplied: UInt64Array
    consumers: Int32Array
    place: Int32Array  # of a party in `consumers`, -1 for none
    fate_use: UInt64Array  # by cell, 1/3.6e15 PFLOPS-hour
    fate_charge: Int64Array  # by cell, fen
    fate_pieces: Int64Array  # by cell

    def excluded_frame(self) -> pl.DataFrame:
        """Return the parts that do not count, or not yet: party, status, reason, use (Int128, 1/3.6e15 PFLOPS-hour),
        charge_fen, pieces; sorted by party and in the order of exclusions."""
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


def no_sums(parties: int, rows: Rows) -> Sums:
    """Return the sums, all at zero."""

    def pairs(count: int = parties) -> UInt64Array:
        return np.zeros((count, 2), dtype=np.uint64)

    def whole(count: int = parties) -> Int64Array:
        return np.zeros(count, dtype=np.int64)

    def no() -> BoolArray:
        return np.zeros(parties, dtype=np.bool_)

    has_part = no()
    has_part[rows.consumer] = True
    consumers = np.flatnonzero(has_part).astype(np.int32)
    place = np.full(parties, -1, dtype=np.int32)
    place[consumers] = np.arange(len(consumers), dtype=np.int32)
    cells = len(consumers) * len(FATES)
    return Sums(
        has_part=has_part,
        has_kept=no(),
        has_eligible=no(),
        has_scheme=no(),
        reasons=whole(),
        flags=whole(),
        all_charges_fen=whole(),
        eligible_charges_fen=whole(),
        released_charges_fen=whole(),
        consumed=pairs(),
        released_consumed=pairs(),
        supplied=pairs(),
        group_consumed=pairs(),
        group_released_consumed=pairs(),
        group_supplied=pairs(),
        pool_consumed=pairs(),
        pool_released=pairs(),
        pool_supplied=pairs(),
        consumers=consumers,
        place=place,
        fate_use=pairs(cells),
        fate_charge=whole(cells),
        fate_pieces=whole(cells),
    )


def sum_rows(sums: Sums, given: Given, groups: Groups, segment: Segment) -> None:
    """Add the rows of one segment. SettlementRefused: TOTAL_TOO_LARGE."""
    _require_fit(_sum_rows(segment.low, segment.high, given, groups.root, sums))


@kernel
def _sum_rows(  # noqa: C901, PLR0912, PLR0915 - a kernel: one pass over rows
    low_row: Whole, high_row: Whole, given: Given, root: Array, sums: Sums
) -> bool:
    """Add the rows [low_row, high_row) to `sums`, of groups by `root` (int32, by party); False where a sum is beyond
    2**126."""
    rows, inside, places, owners, scope, rules = given
    # each column once, not at every row
    consumer, facility, fact, purpose = rows.consumer, rows.facility, rows.facility_fact, rows.purpose
    via_platform, millicard_seconds, megaflops = rows.via_platform, rows.millicard_seconds, rows.megaflops
    charge, pieces = rows.charge_fen, rows.pieces
    in_province, intelligent = places.in_province, places.intelligent
    supplier_offset, supplier, supplier_share = owners.supplier_offset, owners.supplier, owners.supplier_share
    restricted, allowed, missing = rules.purpose_restricted, rules.purpose_allowed, rules.purpose_missing
    province_asked, use_excluded = rules.facility_in_province, rules.use_excluded
    net_then_filter = rules.net_then_filter
    has_kept, has_eligible, has_scheme = sums.has_kept, sums.has_eligible, sums.has_scheme
    reasons, flags, all_charges = sums.reasons, sums.flags, sums.all_charges_fen
    eligible_charges, released_charges = sums.eligible_charges_fen, sums.released_charges_fen
    consumed, released, supplied = sums.consumed, sums.released_consumed, sums.supplied
    pool_consumed, pool_released, pool_supplied = sums.pool_consumed, sums.pool_released, sums.pool_supplied
    place, fate_use, fate_charge, fate_pieces = sums.place, sums.fate_use, sums.fate_charge, sums.fate_pieces
    fits = True
    for i in range(low_row, high_row):
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
                    reasons[e] |= _BITS[HELD_SHARE]
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
            reasons[e] |= _BITS[fate]
            cell = place[e] * len(FATES) + fate
            fits &= add_pair(fate_use, cell, high, low)
            fate_charge[cell] += charge[i]
            fate_pieces[cell] += pieces[i]
    return bool(fits)


def change_groups(sums: Sums, members: Int32Array, root: Int32Array, *, joining: bool) -> None:
    """Let members join the group of their root, or leave it."""
    for pool, group in (
        (sums.pool_consumed, sums.group_consumed),
        (sums.pool_released, sums.group_released_consumed),
        (sums.pool_supplied, sums.group_supplied),
    ):
        _change(members, root, pool, group, joining)


@kernel
def _change(members: Array, root: Array, pool: Array, group: Array, joining: bool) -> None:
    """Take the pool of each member's root off its group figures, or add it; pool and group are pairs by party."""
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


def finish(sums: Sums, groups: Groups, *, by_group: bool, net_then_filter: bool) -> Sums:
    """Close the group figures and bring all quantities to one unit. Not by group: group figures are the own."""
    everybody = np.arange(len(groups.root), dtype=np.int32)
    change_groups(sums, everybody, groups.root, joining=False)
    for pairs in (sums.group_consumed, sums.group_released_consumed, sums.group_supplied):
        _require_fit(bool((pairs[:, 0] < HIGH_LIMIT).all()))
    if net_then_filter:  # holds are about eligibility: what is released consumes nothing more
        sums = sums._replace(released_consumed=sums.consumed.copy(), group_released_consumed=sums.group_consumed.copy())
    for pairs in (
        sums.consumed,
        sums.released_consumed,
        sums.group_consumed,
        sums.group_released_consumed,
    ):
        _require_fit(_scale(pairs, _WHOLE))
    if by_group:
        return sums
    return sums._replace(
        group_consumed=sums.consumed,
        group_released_consumed=sums.released_consumed,
        group_supplied=sums.supplied,
    )


@kernel
def _scale(pairs: Array, factor: Whole) -> bool:
    """Multiply pairs, shape (n, 2), in place; False where one leaves 126 bits."""
    everything_fits = True
    for i in range(len(pairs)):
        if pairs[i, 0] != ZERO or pairs[i, 1] != ZERO:
            fits, pairs[i, 0], pairs[i, 1] = scale_pair(pairs[i, 0], pairs[i, 1], factor)
            everything_fits &= fits
    return bool(everything_fits)


def _require_fit(fits: object) -> None:
    if not fits:
        raise SettlementRefused(
            "TOTAL_TOO_LARGE", "R-UNIT: a sum of compute does not fit in 126 bits of 1/3.6e24 PFLOPS-hour"
        )


# long: mostly one kernel, which is compiled as one piece
