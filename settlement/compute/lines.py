"""All lines of a settlement of use, as arrays: coverage, rate, award, reasons, money and flags, from top to bottom."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from meter.decimals import decimal_text
from meter.vocabulary import EVIDENCE_KINDS, EXPENDITURE_KINDS
from settlement.award.budget import share_budget
from settlement.award.exact_line import GROUP_NOT_POSITIVE, NO_USE, OWN_NOT_POSITIVE, Amounts, Figures
from settlement.award.expenditure import Expenditure
from settlement.award.formula import award
from settlement.award.gates import Gates, northern
from settlement.compute.columns import BoolArray, gather, name_lists, names_of, paid_before
from settlement.inputs.frames import Inputs
from settlement.inputs.timeline import Int64Array
from settlement.netting import Netted
from settlement.numbers.uint128 import int128
from settlement.rounds import Round
from settlement.rounds.reading_table import capped_by
from settlement.rounds.readings import Order, Readings
from settlement.rounds.reason_codes import (
    ENTITY_HOLD_BITS,
    FLAG_BIT,
    REASON_BIT,
    REFUSAL_BITS,
    flag_names,
    reason_names,
)

RATIO_NAMES: Final = ("no_use", "own_not_positive", "group_not_positive", "own", "group", "whole")


class Lines:
    """All lines as arrays in order of code, computed once from top to bottom."""

    def __init__(
        self,
        inputs: Inputs,
        of_round: Round,
        order: Order,
        readings: Readings,
        netted: Netted,
        gates: Gates,
        spent: Expenditure,
        party: npt.NDArray[np.int64],
    ) -> None:
        self.inputs, self.round, self.order, self.readings = inputs, of_round, order, readings
        self.netted, self.gates, self.spent, self.party = netted, gates, spent, party
        self.reasons = netted.reasons[party] | gates.reasons[party]
        self.flags = netted.flags[party] | gates.flags[party]
        self._cover()
        self._rate()
        self.now = self._award(netted.eligible_charges_fen, netted.consumed, netted.group_consumed)
        self.released = self._award(
            netted.released_charges_fen, netted.released_consumed, netted.group_released_consumed
        )
        self._outcomes()
        self._money()
        self._marks()

    def _cover(self) -> None:
        """Judge evidence and public support (R-SPEND, R-MATERIALS, R-NODUP)."""
        spent, party = self.spent, self.party
        self.all_charges = self.netted.all_charges_fen[party]
        self.public_support = spent.total_fen[EXPENDITURE_KINDS.index("public_support"), party]
        everything, self.on_file = _least(spent, party, EVIDENCE_KINDS)
        self.flags[~self.on_file] |= FLAG_BIT["NO_EXPENDITURE_EVIDENCE"]
        below = self.on_file & (everything < self.all_charges) & (self.all_charges > 0)
        self.flags[below] |= FLAG_BIT["EVIDENCE_BELOW_CHARGES"]
        for kind in self.round.evidence_required:
            missing = ~spent.on_file[EXPENDITURE_KINDS.index(kind), party]
            self.reasons[missing] |= REASON_BIT["EVIDENCE_MISSING"]
        least, counts = _least(spent, party, capped_by(self.readings.spend_basis))
        self.evidenced = np.where(counts, np.minimum(least, self.all_charges), self.all_charges)
        # eligible expenditure = charges x min(1, max(0, kappa - p / all)), kappa = evidenced / all
        self.covered = np.clip(self.evidenced - self.public_support, 0, self.all_charges)

    def _rate(self) -> None:
        """Set the rate of the order, uplifted for northern seats where the reading says so (R-CAP20, R-NORTH)."""
        rate = self.round.ceiling if self.order.rate is None else self.order.rate
        uplifted = rate * self.round.uplift_factor
        if self.readings.uplift == "capped":
            uplifted = min(uplifted, self.round.ceiling)
        elif self.readings.uplift == "off":
            uplifted = rate
        self.rates = [rate, uplifted]
        north = northern(self.inputs, self.gates.fact, self.round, self.readings.north_places)[self.party]
        self.north = north
        self.rate = north.astype(np.int8)

    def _award(self, charges: Int64Array, consumed: Any, group_consumed: Any) -> Amounts:
        party, netted = self.party, self.netted
        return award(
            Figures(
                charges[party],
                self.covered,
                self.all_charges,
                consumed[party],
                netted.supplied[party],
                group_consumed[party],
                netted.group_supplied[party],
                self.rate,
            ),
            self.rates,
            gate=self.readings.net_effect == "gate",
            half_up=self.readings.rounding == "half_up",
        )

    def _outcomes(self) -> None:
        """Give NO_ELIGIBLE_USE and the two reasons of a net that is not positive."""
        netted, party, reasons = self.netted, self.party, self.reasons
        reasons[~netted.has_kept[party]] |= REASON_BIT["NO_ELIGIBLE_USE"]
        by_scheme = self.readings.filter_order == "net_then_filter"
        used = (netted.has_scheme if by_scheme else netted.has_eligible)[party]
        own = (self.now.ratio == NO_USE) | (self.now.ratio == OWN_NOT_POSITIVE)
        reasons[used & own] |= REASON_BIT["NET_NOT_POSITIVE"]
        reasons[used & (self.now.ratio == GROUP_NOT_POSITIVE)] |= REASON_BIT["GROUP_NET_NOT_POSITIVE"]

    def _money(self) -> None:
        """Compute award, held, payable and adjustment (R-HOLD, R-BUDGET, R-CORR)."""
        refused = (self.reasons & REFUSAL_BITS) != 0
        waiting = (self.reasons & ENTITY_HOLD_BITS) != 0
        self.award = np.where(refused | waiting, 0, self.now.award_fen)
        self.award_released = np.where(refused, 0, self.released.award_fen)
        self.held = np.maximum(self.award_released - self.award, 0)
        part_holds = REASON_BIT["EXTERNAL_SHARE_BELOW_HOLD_THRESHOLD"]
        if self.readings.purpose_missing == "hold":
            part_holds |= REASON_BIT["PURPOSE_NOT_STATED"]
        own_hold = waiting | ((self.reasons & part_holds) != 0)
        self.flags[(self.held > 0) & ~own_hold] |= FLAG_BIT["HOLD_IN_GROUP"]
        self.odd = np.zeros(len(self.party), dtype=np.int64)
        if self.order.rate is None:
            self.payable = np.zeros(len(self.party), dtype=np.int64)
            self.flags |= FLAG_BIT["FORECAST_NOT_PAYABLE"]
        elif self.order.budget_fen is not None:
            self.payable, self.odd = share_budget(self.award, self.order.budget_fen)
            self.flags[self.payable < self.award] |= FLAG_BIT["BUDGET_SHORTFALL"]
        else:
            self.payable = self.award.copy()
        self.settled, self.has_settled = paid_before(self.inputs, self.party)

    def _marks(self) -> None:
        """Raise the flags that look at the finished award, and conflicts in quarantine."""
        # 2 x (p + award) > all, without doubling: the sum is above the floor of the half
        public = self.public_support + self.award > self.all_charges // 2
        self.flags[public] |= FLAG_BIT["PUBLIC_SHARE_ABOVE_HALF"]
        assert self.round.window_seconds is not None, "only a draft has no window"
        start, end = self.round.window_seconds
        rows = self.inputs.conflicts.filter(
            pl.when(pl.col("started") == pl.col("ended"))
            .then((pl.col("started") >= start) & (pl.col("started") < end))
            .otherwise((pl.col("started") < end) & (pl.col("ended") > start))
        )
        touched = np.zeros(self.inputs.parties.height, dtype=np.bool_)
        touched[rows["party"].to_numpy()] = True
        self.flags[touched[self.party]] |= FLAG_BIT["CONFLICT_IN_QUARANTINE"]

    def _units(self) -> dict[str, pl.Series]:
        """Return the quantities as columns of whole numbers, 128 bits each."""
        netted = self.netted
        units = {
            "consumed_units": netted.consumed,
            "supplied_units": netted.supplied,
            "group_consumed_units": netted.group_consumed,
            "group_supplied_units": netted.group_supplied,
            "released_consumed_units": netted.released_consumed,
            "group_released_consumed_units": netted.group_released_consumed,
        }
        return {name: int128(pairs[self.party], name) for name, pairs in units.items()}

    def _spent(self) -> dict[str, pl.Series]:
        """Return the sum of each kind of expenditure, null where none is on file."""
        spent, party = self.spent, self.party
        return {
            f"{kind}_fen": pl.Series(spent.total_fen[number, party]).set(pl.Series(~spent.on_file[number, party]), None)
            for number, kind in enumerate(EXPENDITURE_KINDS)
        }

    def frame(self) -> pl.DataFrame:
        """Return the lines as a frame, ascending by uscc."""
        party, netted = self.party, self.netted
        codes = self.inputs.parties["uscc"]
        fact = pl.Series(self.gates.fact[party])
        facts = self.inputs.entity_facts
        known = fact.set(fact < 0, None)
        adjustment = pl.Series(self.payable - self.settled)
        rates = pl.Series([decimal_text(rate) for rate in self.rates])
        return pl.DataFrame(
            {
                "party": party.astype(np.int32),
                "uscc": codes.gather(party),
                "name": gather(facts["name"], known),
                "region": gather(facts["region"], known),
                "kind": gather(facts["kind"], known),
                "group": codes.gather(netted.group[party]),
                **self._units(),
                "all_charges_fen": self.all_charges,
                "eligible_charges_fen": netted.eligible_charges_fen[party],
                "released_charges_fen": netted.released_charges_fen[party],
                **self._spent(),
                "evidenced_fen": self.evidenced,
                "covered_fen": self.covered,
                "eligible_expenditure_fen": self.now.eligible_expenditure_fen,
                "base_fen": self.now.base_fen,
                "ratio": names_of(RATIO_NAMES, self.now.ratio),
                "released_ratio": names_of(RATIO_NAMES, self.released.ratio),
                "rate": rates.gather(self.rate.astype(np.int64)),
                "north": self.north,
                "formula_award_fen": self.now.award_fen,
                "released_formula_award_fen": self.released.award_fen,
                "award_fen": self.award,
                "released_award_fen": self.award_released,
                "held_fen": self.held,
                "payable_fen": self.payable,
                "odd_fen": self.odd,
                "settled_fen": pl.Series(self.settled).set(pl.Series(~self.has_settled), None),
                "adjustment_fen": adjustment.set(pl.Series(~self.has_settled), None),
                "reason_bits": self.reasons,
                "flag_bits": self.flags,
                "reasons": name_lists(self.reasons, reason_names),
                "flags": name_lists(self.flags, flag_names),
            }
        )


def _least(spent: Expenditure, party: npt.NDArray[np.int64], kinds: tuple[str, ...]) -> tuple[Int64Array, BoolArray]:
    """Return the smallest total over the kinds that have a fact, and whether any has (R-SPEND)."""
    least = np.full(len(party), np.iinfo(np.int64).max, dtype=np.int64)
    found = np.zeros(len(party), dtype=np.bool_)
    for kind in kinds:
        number = EXPENDITURE_KINDS.index(kind)
        has = spent.on_file[number, party]
        least = np.where(has, np.minimum(least, spent.total_fen[number, party]), least)
        found |= has
    return least, found
