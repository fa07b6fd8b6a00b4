"""Who qualifies (R-ENTITY), judged on the last day of the window, and the seat that the uplift looks at (R-NORTH)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from meter.in_force import last_in_window
from settlement.inputs.frames import Inputs
from settlement.inputs.timeline import Int64Array, Timeline
from settlement.rounds import Round
from settlement.rounds.reason_codes import FLAG_BIT, REASON_BIT


@dataclass(frozen=True)
class Gates:
    """By party: row of the entity fact that is judged (-1: none rules), reasons and flags of R-ENTITY."""

    fact: Int64Array
    reasons: Int64Array
    flags: Int64Array


def gates_of(inputs: Inputs, entities: Timeline, of_round: Round) -> Gates:
    """Return all refusals and holds of R-ENTITY that apply; a refusal does not hide a hold."""
    assert of_round.window is not None, "a draft has no last day"
    start, end = of_round.window
    fact: Int64Array = last_in_window(entities.offset, entities.begin, entities.end, entities.fact, start, end - 1)
    facts = inputs.entity_facts
    known = fact >= 0
    reasons = np.zeros(len(fact), dtype=np.int64)
    flags = np.zeros(len(fact), dtype=np.int64)
    reasons[~known] = REASON_BIT["ENTITY_NOT_IN_REGISTRY"]
    if not facts.height:
        return Gates(fact, reasons, flags)

    def of(values: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        return known & values[fact]

    def column(expression: object) -> npt.NDArray[np.bool_]:
        return np.asarray(expression, dtype=np.bool_)

    kind, attested = facts["kind"], facts["ai_enterprise"]
    enterprise = column(kind == "enterprise")
    away = column(~facts["region"].str.starts_with(of_round.province_prefix))
    reasons[of(column(~facts["independent_legal_person"]))] |= REASON_BIT["NOT_INDEPENDENT_LEGAL_PERSON"]
    reasons[of(column(~kind.is_in(of_round.kinds)))] |= REASON_BIT["KIND_NOT_LISTED"]
    if of_round.registered_in_anhui:
        reasons[of(away)] |= REASON_BIT["NOT_REGISTERED_IN_ANHUI"]
    else:
        flags[of(away)] |= FLAG_BIT["NOT_REGISTERED_IN_ANHUI_ALLOWED_BY_TEXT"]
    if of_round.asks_ai_enterprise:
        denied = column((attested == False).fill_null(False))  # noqa: E712 (three-valued)
        reasons[of(enterprise & denied)] |= REASON_BIT["NOT_AI_ENTERPRISE"]
        reasons[of(enterprise & column(attested.is_null()))] |= REASON_BIT["AI_ENTERPRISE_NOT_ATTESTED"]
    return Gates(fact, reasons, flags)


def northern(inputs: Inputs, fact: Int64Array, of_round: Round, places: str) -> npt.NDArray[np.bool_]:
    """Return by party: whether the seat of the judged fact is a northern place under the reading `north_places`."""
    regions = inputs.entity_facts["region"]
    north = np.zeros(len(regions), dtype=np.bool_)
    for prefix in of_round.north_prefixes(places):
        north |= regions.str.starts_with(prefix).to_numpy().astype(np.bool_)
    if not len(north):
        return np.zeros(len(fact), dtype=np.bool_)
    found: npt.NDArray[np.bool_] = (fact >= 0) & north[fact]
    return found
