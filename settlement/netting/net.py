"""Netting as a whole: exclusions, self-use by facility, holds, consumed and supplied of entity and group."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import polars as pl

from meter.vocabulary import PURPOSES
from settlement.inputs.frames import WHOLE, Inputs
from settlement.inputs.timeline import Int32Array, Int64Array, Timeline, timeline
from settlement.netting.accumulate import (
    ACCEPT,
    HOLD,
    REFUSE,
    Given,
    PartRules,
    Sums,
    change_groups,
    finish,
    no_sums,
    sum_rows,
)
from settlement.netting.holdings import Groups, holdings_of, segments_of
from settlement.netting.insider_use import insiders
from settlement.netting.rows import BoolArray, owners_of, places_of, rows_of
from settlement.netting.scope import FacilityScope, scope_of
from settlement.netting.set_aside import set_use_aside
from settlement.numbers.uint128 import UInt64Array
from settlement.rounds import Round
from settlement.rounds.readings import Readings
from settlement.rounds.reason_codes import REASON_BIT


@dataclass(frozen=True)
class Netted:
    """Sums by party (length: all parties). Pairs are (high, low) uint64, in units of 1/3.6e24 PFLOPS-hour.

    `has_part`: a counted record touches the window; `has_kept`: some part is not excluded; `has_eligible`: neither
    excluded nor held; `has_scheme`: platform use in the scheme. `released_…`: the same with all holds released.
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
    group: Int32Array
    excluded: pl.DataFrame
    scope: FacilityScope
    charge_in_window_fen: int
    charge_outside_window_fen: int


def entity_timeline(inputs: Inputs) -> Timeline:
    """Return which entity fact is in force when, by party."""
    facts = inputs.entity_facts
    return timeline(facts, facts["party"].to_numpy().astype(np.int64), inputs.parties.height)


def net(inputs: Inputs, of_round: Round, readings: Readings) -> Netted:
    """Compute everything of sections 3 to 5 of the rule catalogue. SettlementRefused: HOLDINGS_ABOVE_WHOLE,
    FACILITY_NOT_REGISTERED, CHIP_NOT_RATED."""
    assert of_round.window is not None, "a draft has no window and is not netted"
    window = of_round.window
    in_window, outside_window = _charges(inputs, window)
    inputs, aside = set_use_aside(inputs, window)
    rows = rows_of(inputs, window)
    owners = owners_of(inputs, of_round, readings.supply_owner)
    threshold = int(Fraction(readings.related) * WHOLE)
    holdings = holdings_of(inputs, entity_timeline(inputs), window, threshold)
    inside = insiders(rows, owners, holdings, window)
    scope = scope_of(rows, inside, inputs.facilities.height, readings)
    groups = Groups(holdings, window)
    rules = _part_rules(of_round, readings)
    given = Given(rows, inside, places_of(inputs, of_round), owners, scope.scope, rules)
    sums = _sum(given, groups, window, by_group=readings.supply_owner == "equity_group")
    for marks in (sums.has_part, sums.has_kept):  # there is use, and it is not excluded but refused with its line
        marks[aside] = True
    sums.reasons[aside] |= REASON_BIT["USE_TOO_LARGE"]
    return Netted(
        has_part=sums.has_part,
        has_kept=sums.has_kept,
        has_eligible=sums.has_eligible,
        has_scheme=sums.has_scheme,
        reasons=sums.reasons,
        flags=sums.flags,
        all_charges_fen=sums.all_charges_fen,
        eligible_charges_fen=sums.eligible_charges_fen,
        released_charges_fen=sums.released_charges_fen,
        consumed=sums.consumed,
        released_consumed=sums.released_consumed,
        supplied=sums.supplied,
        group_consumed=sums.group_consumed,
        group_released_consumed=sums.group_released_consumed,
        group_supplied=sums.group_supplied,
        group=groups.root,
        excluded=sums.excluded_frame(),
        scope=scope,
        charge_in_window_fen=in_window,
        charge_outside_window_fen=outside_window,
    )


def _charges(inputs: Inputs, window: tuple[int, int]) -> tuple[int, int]:
    """Return the charges inside and outside the window."""
    day = pl.col("day")
    inside = (day >= window[0]) & (day < window[1])
    charge = pl.col("charge_fen").cast(pl.Int128)
    found = (
        inputs.use.lazy()
        .select(
            charge.sum().alias("all"),
            charge.filter(inside).sum().alias("inside"),
        )
        .collect()
    )
    total, kept = (int(found[name][0] or 0) for name in ("all", "inside"))
    return kept, total - kept


def _part_rules(of_round: Round, readings: Readings) -> PartRules:
    restricted = bool(of_round.purposes)
    return PartRules(
        purpose_restricted=restricted,
        purpose_allowed=np.array([True, *(not restricted or p in of_round.purposes for p in PURPOSES)]),
        purpose_missing={"hold": HOLD, "refuse": REFUSE, "accept": ACCEPT}[readings.purpose_missing],
        facility_in_province=of_round.facility_in_anhui,
        use_excluded=readings.self_test == "use_excluded",
        net_then_filter=readings.filter_order == "net_then_filter",
    )


def _sum(given: Given, groups: Groups, window: tuple[int, int], *, by_group: bool) -> Sums:
    """Make the second pass over the rows: what each part is, and whose consumption and supply it is, day by day."""
    sums = no_sums(groups.holdings.parties, given.rows)
    for segment in segments_of(groups.holdings, window, given.rows.day):
        if len(segment.changed):
            moved = groups.below(segment.changed)
            change_groups(sums, moved, groups.root, joining=False)
            groups.advance(segment.changed, moved, segment.day)
            change_groups(sums, moved, groups.root, joining=True)
        sum_rows(sums, given, groups, segment)
    return finish(sums, groups, by_group=by_group, net_then_filter=given.rules.net_then_filter)
