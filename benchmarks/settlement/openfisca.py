"""The peer of the award stage: the bare award formula as OpenFisca variables (it computes in float32)."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt
from openfisca_core.entities import build_entity
from openfisca_core.periods import DateUnit
from openfisca_core.simulations import SimulationBuilder
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.variables import Variable

PERIOD = "2026"
ENTITY = build_entity(key="entity", plural="entities", label="A user of compute", is_person=True)
INPUTS = (
    "charges_fen",
    "covered_fen",
    "all_charges_fen",
    "consumed",
    "supplied",
    "group_consumed",
    "group_supplied",
    "rate",
)


def _variable(name: str, formula: Any = None) -> type[Variable]:
    body: dict[str, Any] = {
        "value_type": float,
        "entity": ENTITY,
        "definition_period": DateUnit.YEAR,
        "label": name,
        "__module__": __name__,
    }
    if formula is not None:
        body["formula"] = formula
    return type(name, (Variable,), body)


def _net(entity: Any, period: Any) -> Any:
    return entity("consumed", period) - entity("supplied", period)


def _group_net(entity: Any, period: Any) -> Any:
    return entity("group_consumed", period) - entity("group_supplied", period)


def _ratio(entity: Any, period: Any) -> Any:
    net, group_net = entity("net", period), entity("group_net", period)
    own = net / entity("consumed", period)
    group = group_net / entity("group_consumed", period)
    return np.where((net > 0) & (group_net > 0), np.minimum(own, group), 0)


def _eligible_expenditure(entity: Any, period: Any) -> Any:
    covered = entity("covered_fen", period) / entity("all_charges_fen", period)
    return entity("charges_fen", period) * covered


def _base(entity: Any, period: Any) -> Any:
    return entity("eligible_expenditure", period) * entity("ratio", period)


def _award(entity: Any, period: Any) -> Any:
    return np.floor(entity("base", period) * entity("rate", period))


FORMULAS = {
    "net": _net,
    "group_net": _group_net,
    "ratio": _ratio,
    "eligible_expenditure": _eligible_expenditure,
    "base": _base,
    "award": _award,
}


def award_by_openfisca(inputs: dict[str, npt.NDArray[np.float64]], runs: int) -> tuple[list[float], npt.NDArray[Any]]:
    """Measure each of `runs` calculations of `award` from inputs that are set already: seconds, and the awards."""
    system = TaxBenefitSystem([ENTITY])
    for name in INPUTS:
        system.add_variable(_variable(name))
    for name, formula in FORMULAS.items():
        system.add_variable(_variable(name, formula))
    count = len(inputs["charges_fen"])
    seconds = []
    awards: npt.NDArray[Any] = np.empty(0)
    for _ in range(runs):
        simulation = SimulationBuilder().build_default_simulation(system, count)
        for name in INPUTS:
            simulation.set_input(name, PERIOD, inputs[name].astype(np.float32))
        started = time.perf_counter()
        with np.errstate(all="ignore"):
            awards = simulation.calculate("award", PERIOD)
        seconds.append(time.perf_counter() - started)
    return seconds, awards
