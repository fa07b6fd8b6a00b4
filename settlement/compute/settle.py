"""The pure job: one settlement from inputs, round, order and readings to lines, totals and digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from settlement.award.budget import share_budget
from settlement.award.centre_match import MatchLine, award_matches
from settlement.award.exact_line import GROUP_NOT_POSITIVE, NO_USE, OWN_NOT_POSITIVE
from settlement.award.expenditure import Expenditure, expenditure_of
from settlement.award.formula import Amounts, Figures, award
from settlement.award.gates import Gates, gates_of, northern
from settlement.award.yinchuan import DraftItem, apply_draft
from settlement.errors import SettlementRefused
from settlement.inputs.frames import EXPENDITURE_KINDS, Inputs
from settlement.inputs.timeline import Int64Array
from settlement.netting import Netted, net
from settlement.netting.net import entity_timeline
from settlement.netting.scope import OUTSIDE_SCHEME, FacilityScope
from settlement.numbers.quantities import pflops_hours_text, use_text
from settlement.numbers.uint128 import int128
from settlement.rounds import Round
from settlement.rounds.readings import Order, Readings, decimal_text, read_order, read_readings
from settlement.rounds.reason_codes import (
    ENTITY_HOLD_BITS,
    FLAG_BIT,
    REASON_BIT,
    REFUSAL_BITS,
    flag_names,
    reason_names,
)

BoolArray = npt.NDArray[np.bool_]

EVIDENCE_KINDS: Final = EXPENDITURE_KINDS[:3]
SIDES: Final[tuple[Literal["left"], Literal["right"]]] = ("left", "right")
RATIO_NAMES: Final = ("no_use", "own_not_positive", "group_not_positive", "own", "group", "whole")

# What the digest covers of a line, in this order (units: 1/3.6e24 PFLOPS-hour; money: fen).
CANONICAL: Final = (
    "uscc",
    "group",
    "consumed_units",
    "supplied_units",
    "group_consumed_units",
    "group_supplied_units",
    "eligible_expenditure_fen",
    "base_fen",
    "award_fen",
    "held_fen",
    "payable_fen",
    "adjustment_fen",
    "reasons",
    "flags",
)


@dataclass(frozen=True)
class Settlement:
    """One settlement. `lines` sorted by uscc, one row a line: the contract's fields in exact form and every value the
    steps need; `excluded` what did not count or not yet, by uscc and reason; `facilities` the scope of each facility;
    `digest` = algorithm:hex over `canonical_bytes`."""

    round: Round
    order: Order
    readings: Readings
    lines: pl.DataFrame
    totals: dict[str, int]
    excluded: pl.DataFrame
    facilities: pl.DataFrame
    matches: list[MatchLine] = field(default_factory=list)
    drafts: dict[str, list[DraftItem]] = field(default_factory=dict)
    digest: str = ""

    def canonical_bytes(self) -> bytes:
        """The bytes the digest is over: a head line (JSON: round's sha256, order, readings, totals, matches, items)
        and one comma-separated line for each entity, columns CANONICAL, sorted by uscc."""
        head = {
            "round": self.round.id,
            "round_sha256": self.round.sha256,
            "order": self.order.as_dict(),
            "readings": self.readings.as_dict(),
            "totals": self.totals,
            "matches": [match.as_dict() for match in self.matches],
            "items": {uscc: {item.id: item.fen for item in items} for uscc, items in self.drafts.items()},
        }
        text = json.dumps(head, sort_keys=True, ensure_ascii=False, separators=(",", ":")) + "\n"
        body = self.lines.lazy().select(
            *(pl.col(name).list.join("|") if name in ("reasons", "flags") else pl.col(name) for name in CANONICAL)
        )
        return text.encode() + body.collect().write_csv(include_header=False, line_terminator="\n").encode()

    def line(self, uscc: str) -> dict[str, Any] | None:
        """The row of one entity as a mapping, or None where it has no line."""
        at = self.lines["uscc"].search_sorted(uscc)
        if at >= self.lines.height or self.lines["uscc"][int(at)] != uscc:
            return None
        return self.lines.row(int(at), named=True)

    def parts(self, uscc: str) -> list[dict[str, Any]]:
        """The rows of `excluded` of one entity, in the order of exclusions (found by halving: it is sorted)."""
        codes = self.excluded["uscc"]
        low, high = (int(codes.search_sorted(uscc, side)) for side in SIDES)
        return self.excluded.slice(low, high - low).to_dicts()


def settle(
    inputs: Inputs,
    of_round: Round,
    order: Order | Mapping[str, Any] | None = None,
    readings: Readings | Mapping[str, Any] | None = None,
    *,
    algorithm: str = "sm3",
) -> Settlement:
    """Compute a settlement: same inputs, same bytes. Raises SettlementRefused: then nothing is settled."""
    read = read_order(order, of_round)
    chosen = read_readings(readings, read, of_round)
    inputs.check()
    if inputs.applications and not of_round.draft:
        raise SettlementRefused("APPLICATION_NOT_IN_ROUND", f"{of_round.id} settles use and takes no applications")
    job = _settle_draft if of_round.draft else _settle
    settled = job(inputs, of_round, read, chosen)
    digest = f"{algorithm}:{hashlib.new(algorithm, settled.canonical_bytes()).hexdigest()}"
    return replace(settled, digest=digest)


def line_dict(settlement: Settlement, row: Mapping[str, Any]) -> dict[str, Any]:
    """One row of `lines` in the shape of the contract."""
    shown: dict[str, Any] = {"uscc": row["uscc"], "name": row["name"], "region": row["region"]}
    for name, units in (
        ("consumed", row["consumed_units"]),
        ("supplied", row["supplied_units"]),
        ("net", row["consumed_units"] - row["supplied_units"]),
    ):
        shown[f"{name}_pflops_hours"] = pflops_hours_text(units)
    shown["group"] = row["group"]
    for name in ("group_consumed", "group_supplied"):
        shown[f"{name}_pflops_hours"] = pflops_hours_text(row[f"{name}_units"])
    for name in ("eligible_expenditure_fen", "base_fen", "award_fen", "held_fen", "payable_fen"):
        shown[name] = row[name]
    if row["adjustment_fen"] is not None:
        shown["adjustment_fen"] = row["adjustment_fen"]
    shown["reasons"], shown["flags"] = row["reasons"], row["flags"]
    if settlement.round.draft:
        shown["items"] = {item.id: item.fen for item in settlement.drafts[row["uscc"]]}
    return shown


def excluded_of(settlement: Settlement, uscc: str) -> list[dict[str, Any]]:
    """The use of one entity that does not count (status excluded) or not yet (held), by reason."""
    return [
        {
            "status": row["status"],
            "reason": row["reason"],
            "pflops_hours": use_text(row["use"]),
            "charge_fen": row["charge_fen"],
            "pieces": row["pieces"],
        }
        for row in settlement.parts(uscc)
    ]


def _settle(inputs: Inputs, of_round: Round, order: Order, readings: Readings) -> Settlement:
    assert of_round.window is not None, "only a draft has no window"
    netted = net(inputs, of_round, readings)
    gates = gates_of(inputs, entity_timeline(inputs), of_round)
    spent = expenditure_of(inputs.expenditure_facts, inputs.parties.height, of_round.window)
    has_line = netted.has_part.copy()
    has_line[inputs.settled_before["party"].to_numpy()] = True
    party = np.flatnonzero(has_line)
    columns = _Lines(inputs, of_round, order, readings, netted, gates, spent, party)
    lines = columns.frame()
    excluded = netted.excluded.join(inputs.parties, on="party", how="left", maintain_order="left")
    totals = _totals(lines, inputs)
    totals["charge_in_window_fen"] = netted.charge_in_window_fen
    totals["charge_outside_window_fen"] = netted.charge_outside_window_fen
    return Settlement(
        of_round,
        order,
        readings,
        lines,
        totals,
        excluded.select("uscc", "status", "reason", "use", "charge_fen", "pieces"),
        _facilities(inputs, netted.scope),
        award_matches(inputs.matches, of_round, readings),
    )


class _Lines:
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
        """Evidence and public support (R-SPEND, R-MATERIALS, R-NODUP)."""
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
        bases: dict[str, tuple[str, ...]] = {
            "least_evidenced": EVIDENCE_KINDS,
            "invoiced": ("invoice",),
            "settled": (),
        }
        least, counts = _least(spent, party, bases[self.readings.spend_basis])
        self.evidenced = np.where(counts, np.minimum(least, self.all_charges), self.all_charges)
        # eligible expenditure = charges x min(1, max(0, kappa - p / all)), kappa = evidenced / all
        self.covered = np.clip(self.evidenced - self.public_support, 0, self.all_charges)

    def _rate(self) -> None:
        """Rate of the order, uplifted for northern seats where the reading says so (R-CAP20, R-NORTH)."""
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
        """NO_ELIGIBLE_USE and the two reasons of a net that is not positive."""
        netted, party, reasons = self.netted, self.party, self.reasons
        reasons[~netted.has_kept[party]] |= REASON_BIT["NO_ELIGIBLE_USE"]
        by_scheme = self.readings.filter_order == "net_then_filter"
        used = (netted.has_scheme if by_scheme else netted.has_eligible)[party]
        own = (self.now.ratio == NO_USE) | (self.now.ratio == OWN_NOT_POSITIVE)
        reasons[used & own] |= REASON_BIT["NET_NOT_POSITIVE"]
        reasons[used & (self.now.ratio == GROUP_NOT_POSITIVE)] |= REASON_BIT["GROUP_NET_NOT_POSITIVE"]

    def _money(self) -> None:
        """Award, held, payable and adjustment (R-HOLD, R-BUDGET, R-CORR)."""
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
        self.settled, self.has_settled = _settled(self.inputs, self.party)

    def _marks(self) -> None:
        """The flags that look at the finished award, and conflicts in quarantine."""
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

    def frame(self) -> pl.DataFrame:
        """The lines as a frame, ascending by uscc."""
        party, netted, spent = self.party, self.netted, self.spent
        codes = self.inputs.parties["uscc"]
        fact = pl.Series(self.gates.fact[party])
        facts = self.inputs.entity_facts
        known = fact.set(fact < 0, None)
        kinds = {
            f"{kind}_fen": pl.Series(spent.total_fen[number, party]).set(pl.Series(~spent.on_file[number, party]), None)
            for number, kind in enumerate(EXPENDITURE_KINDS)
        }
        units = {
            "consumed_units": netted.consumed,
            "supplied_units": netted.supplied,
            "group_consumed_units": netted.group_consumed,
            "group_supplied_units": netted.group_supplied,
            "released_consumed_units": netted.released_consumed,
            "group_released_consumed_units": netted.group_released_consumed,
        }
        adjustment = pl.Series(self.payable - self.settled)
        rates = pl.Series([decimal_text(rate) for rate in self.rates])
        return pl.DataFrame(
            {
                "party": party.astype(np.int32),
                "uscc": codes.gather(party),
                "name": _gather(facts["name"], known),
                "region": _gather(facts["region"], known),
                "kind": _gather(facts["kind"], known),
                "group": codes.gather(netted.group[party]),
                **{name: int128(pairs[party], name) for name, pairs in units.items()},
                "all_charges_fen": self.all_charges,
                "eligible_charges_fen": netted.eligible_charges_fen[party],
                "released_charges_fen": netted.released_charges_fen[party],
                **kinds,
                "evidenced_fen": self.evidenced,
                "covered_fen": self.covered,
                "eligible_expenditure_fen": self.now.eligible_expenditure_fen,
                "base_fen": self.now.base_fen,
                "ratio": _names(RATIO_NAMES, self.now.ratio),
                "released_ratio": _names(RATIO_NAMES, self.released.ratio),
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
                "reasons": _lists(self.reasons, reason_names),
                "flags": _lists(self.flags, flag_names),
            }
        )


def _least(spent: Expenditure, party: npt.NDArray[np.int64], kinds: tuple[str, ...]) -> tuple[Int64Array, BoolArray]:
    """The smallest total over the kinds that have a fact, and whether any has (R-SPEND)."""
    least = np.full(len(party), np.iinfo(np.int64).max, dtype=np.int64)
    found = np.zeros(len(party), dtype=np.bool_)
    for kind in kinds:
        number = EXPENDITURE_KINDS.index(kind)
        has = spent.on_file[number, party]
        least = np.where(has, np.minimum(least, spent.total_fen[number, party]), least)
        found |= has
    return least, found


def _settled(inputs: Inputs, party: npt.NDArray[np.int64]) -> tuple[Int64Array, BoolArray]:
    """What the earlier settlement paid each line, and whether it had one (R-CORR)."""
    paid = np.zeros(inputs.parties.height, dtype=np.int64)
    had = np.zeros(inputs.parties.height, dtype=np.bool_)
    before = inputs.settled_before["party"].to_numpy()
    paid[before] = inputs.settled_before["payable_fen"].to_numpy()
    had[before] = True
    return paid[party], had[party]


def _gather(values: pl.Series, rows: pl.Series) -> pl.Series:
    """values[rows], null where the row is null."""
    if not len(values):
        return pl.Series([None] * len(rows), dtype=values.dtype)
    return values.gather(rows)


def _names(names: tuple[str, ...], numbers: npt.NDArray[np.int8]) -> pl.Series:
    return pl.Series(list(names)).gather(numbers.astype(np.int64))


def _lists(bits: Int64Array, names: Any) -> pl.Series:
    """Bits as sorted lists of names: few distinct values, so each is rendered once."""
    distinct, where = np.unique(bits, return_inverse=True)
    return pl.Series([names(int(value)) for value in distinct], dtype=pl.List(pl.String)).gather(where)


def _totals(lines: pl.DataFrame, inputs: Inputs) -> dict[str, int]:
    totals: dict[str, int] = {}
    for name in ("award_fen", "held_fen", "payable_fen"):
        total = int(lines.select(pl.col(name).cast(pl.Int128).sum()).item() or 0)
        if total >= 2**63:
            raise SettlementRefused("TOTAL_TOO_LARGE", f"the sum of {name} does not fit in 63 bits")
        totals[name] = total
    if inputs.has_settled:
        before = int(inputs.settled_before.select(pl.col("payable_fen").cast(pl.Int128).sum()).item() or 0)
        totals["adjustment_fen"] = totals["payable_fen"] - before
    return totals


def _facilities(inputs: Inputs, scope: FacilityScope) -> pl.DataFrame:
    """The scope of each facility used through the platform: code, all and outside use (1/3.6e15 PFLOPS-hour)."""
    used = np.flatnonzero(scope.used)
    names = np.array(["in_scheme", "outside_scheme", "held"])
    assert OUTSIDE_SCHEME == 1, "names stand in the order of the codes"
    return pl.DataFrame(
        {
            "facility": inputs.facilities["code"].gather(used),
            "all_use": int128(scope.all_use[used], "all_use"),
            "outside_use": int128(scope.outside_use[used], "outside_use"),
            "scope": names[scope.scope[used]],
        },
        schema={"facility": pl.String, "all_use": pl.Int128, "outside_use": pl.Int128, "scope": pl.String},
    )


def _settle_draft(inputs: Inputs, of_round: Round, order: Order, readings: Readings) -> Settlement:
    """Yinchuan: applications instead of use, nothing payable."""
    drafted = apply_draft(inputs, of_round)
    settled_party = inputs.settled_before["party"].to_numpy()
    party = np.unique(np.concatenate((np.array(sorted(drafted), dtype=np.int64), settled_party.astype(np.int64))))
    codes = inputs.parties["uscc"].gather(party)
    count = len(party)
    reasons = np.array([drafted[p].reasons if p in drafted else 0 for p in party.tolist()], dtype=np.int64)
    flags = np.array([drafted[p].flags if p in drafted else 0 for p in party.tolist()], dtype=np.int64)
    flags |= FLAG_BIT["DRAFT_NOT_PAYABLE"]
    drafts = {code: drafted[p].items if p in drafted else [] for code, p in zip(codes, party.tolist(), strict=True)}
    payable = np.zeros(count, dtype=np.int64)
    paid, had = _settled(inputs, party)
    facts = inputs.entity_facts.sort("seq").unique("party", keep="last", maintain_order=True)
    named = pl.DataFrame({"party": party.astype(np.int32)}).join(facts, on="party", how="left", maintain_order="left")
    zero_units = pl.Series([0] * count, dtype=pl.Int128)
    zeros = np.zeros(count, dtype=np.int64)
    awards = np.array([_sum_of(items) for items in drafts.values()], dtype=np.int64)
    lines = pl.DataFrame(
        {
            "party": party.astype(np.int32),
            "uscc": codes,
            "name": named["name"],
            "region": named["region"],
            "kind": named["kind"],
            "group": codes,
            **{f"{name}_units": zero_units for name in ("consumed", "supplied", "group_consumed", "group_supplied")},
            **dict.fromkeys(("eligible_expenditure_fen", "base_fen"), zeros),
            "award_fen": awards,
            "held_fen": zeros,
            "payable_fen": payable,
            "settled_fen": pl.Series(paid).set(pl.Series(~had), None),
            "adjustment_fen": pl.Series(payable - paid).set(pl.Series(~had), None),
            "reason_bits": reasons,
            "flag_bits": flags,
            "reasons": _lists(reasons, reason_names),
            "flags": _lists(flags, flag_names),
        }
    )
    totals = _totals(lines, inputs)
    charges = int(inputs.use.select(pl.col("charge_fen").cast(pl.Int128).sum()).item() or 0)
    totals["charge_in_window_fen"], totals["charge_outside_window_fen"] = 0, charges
    matches = award_matches(inputs.matches, of_round, readings)
    no_excluded = pl.DataFrame(
        schema={
            "uscc": pl.String,
            "status": pl.String,
            "reason": pl.String,
            "use": pl.Int128,
            "charge_fen": pl.Int64,
            "pieces": pl.Int64,
        }
    )
    no_facilities = pl.DataFrame(
        schema={"facility": pl.String, "all_use": pl.Int128, "outside_use": pl.Int128, "scope": pl.String}
    )
    return Settlement(of_round, order, readings, lines, totals, no_excluded, no_facilities, matches, drafts)


def _sum_of(items: list[DraftItem]) -> int:
    """The items of one line together; refused where they do not fit."""
    total = sum(item.fen for item in items)
    if total >= 2**62:
        raise SettlementRefused("TOTAL_TOO_LARGE", "the applications of one consumer do not fit in 62 bits")
    return total
