"""The pure run: one settlement from inputs, round, order and readings, with its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from settlement.award.centre_match import award_matches
from settlement.award.expenditure import expenditure_of
from settlement.award.gates import gates_of
from settlement.compute.columns import totals_of
from settlement.compute.draft import settle_draft
from settlement.compute.lines import Lines
from settlement.compute.settlement import EXCLUDED_SCHEMA, FACILITY_SCHEMA, Settlement
from settlement.errors import SettlementRefused
from settlement.inputs.frames import Inputs
from settlement.netting import net
from settlement.netting.net import entity_timeline
from settlement.netting.scope import OUTSIDE_SCHEME, FacilityScope
from settlement.netting.set_aside import set_evidence_aside
from settlement.numbers.uint128 import int128
from settlement.rounds import Round
from settlement.rounds.readings import Order, Readings, read_order, read_readings
from settlement.rounds.reason_codes import REASON_BIT


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
    job = settle_draft if of_round.draft else _settle
    settled = job(inputs, of_round, read, chosen)
    state = hashlib.new(algorithm)
    for portion in settled.canonical_portions():
        state.update(portion)
    return replace(settled, digest=f"{algorithm}:{state.hexdigest()}")


def _settle(inputs: Inputs, of_round: Round, order: Order, readings: Readings) -> Settlement:
    assert of_round.window is not None, "only a draft has no window"
    netted = net(inputs, of_round, readings)
    gates = gates_of(inputs, entity_timeline(inputs), of_round)
    inputs, aside = set_evidence_aside(inputs)
    netted.reasons[aside] |= REASON_BIT["USE_TOO_LARGE"]
    spent = expenditure_of(inputs.expenditure_facts, inputs.parties.height, of_round.window)
    has_line = netted.has_part.copy()
    has_line[inputs.settled_before["party"].to_numpy()] = True
    party = np.flatnonzero(has_line)
    lines = Lines(inputs, of_round, order, readings, netted, gates, spent, party).frame()
    excluded = netted.excluded.join(inputs.parties, on="party", how="left", maintain_order="left")
    totals = totals_of(lines, inputs)
    totals["charge_in_window_fen"] = netted.charge_in_window_fen
    totals["charge_outside_window_fen"] = netted.charge_outside_window_fen
    return Settlement(
        of_round,
        order,
        readings,
        lines,
        totals,
        excluded.select(list(EXCLUDED_SCHEMA)),
        _facilities(inputs, netted.scope),
        award_matches(inputs.matches, of_round, readings),
    )


def _facilities(inputs: Inputs, scope: FacilityScope) -> pl.DataFrame:
    """Return the scope of each facility used through the platform: code, all and outside use (1/3.6e15 PFLOPS-hour)."""
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
        schema=FACILITY_SCHEMA,
    )
