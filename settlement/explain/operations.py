"""What each operation of a step computes, and the replay of a line from its steps alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from meter.decimals import decimal_text
from settlement.rounds.reading_table import capped_by

Step = dict[str, Any]
Values = Mapping[str, Any]


def replay(steps: Sequence[Step]) -> dict[str, Any]:
    """Recompute a line from its steps alone and return every value they name, among them award_fen, held_fen,
    payable_fen. Raises ValueError where a step does not follow from the ones before it or from its own operation."""
    known: dict[str, Any] = {}
    for number, step in enumerate(steps):
        place = f"step {number} ({step['rule']}, {step['operation']})"
        for name, value in step["before"].items():
            if name in known and known[name] != value:
                raise ValueError(f"{place}: {name} was {known[name]!r} before, yet the step starts from {value!r}")
        found = OPERATIONS[step["operation"]](step["before"], step["parameters"])
        if found != step["after"]:
            raise ValueError(f"{place}: it says {step['after']!r}, recomputed it is {found!r}")
        known.update(found)
    return known


def _given(_before: Values, parameters: Values) -> dict[str, Any]:
    return dict(parameters)


def _name(before: Values, parameters: Values) -> dict[str, Any]:
    return {new: before[old] for old, new in parameters.items()}


def _leave_out(before: Values, parameters: Values) -> dict[str, Any]:
    after: dict[str, Any] = {"charges_fen": before["charges_fen"] - parameters["charge_fen"]}
    if "use_pflops_hours" in before:
        rest = Fraction(before["use_pflops_hours"]) - Fraction(parameters["pflops_hours"])
        after["use_pflops_hours"] = decimal_text(rest)
    return after


def _net(before: Values, parameters: Values) -> dict[str, Any]:
    net = Fraction(before["consumed_pflops_hours"]) - Fraction(parameters["supplied_pflops_hours"])
    return {
        "net_pflops_hours": decimal_text(net),
        "supplied_pflops_hours": parameters["supplied_pflops_hours"],
    }


def _group_net(_before: Values, parameters: Values) -> dict[str, Any]:
    consumed = parameters["group_consumed_pflops_hours"]
    supplied = parameters["group_supplied_pflops_hours"]
    return {
        "group_consumed_pflops_hours": consumed,
        "group_supplied_pflops_hours": supplied,
        "group_net_pflops_hours": decimal_text(Fraction(consumed) - Fraction(supplied)),
    }


def _ratio_of(
    effect: str, consumed: Fraction, net: Fraction, group_consumed: Fraction, group_net: Fraction
) -> Fraction:
    if net <= 0 or group_net <= 0:
        return Fraction(0)
    return Fraction(1) if effect == "gate" else min(net / consumed, group_net / group_consumed)


def _ratio(before: Values, parameters: Values) -> dict[str, Any]:
    names = ("consumed_pflops_hours", "net_pflops_hours", "group_consumed_pflops_hours", "group_net_pflops_hours")
    found = _ratio_of(parameters["net_effect"], *(Fraction(before[name]) for name in names))
    return {"ratio": decimal_text(found)}


def _coverage(before: Values, parameters: Values) -> dict[str, Any]:
    totals = [parameters[f"{kind}_fen"] for kind in capped_by(parameters["spend_basis"])]
    on_file = [total for total in totals if total is not None]
    charges = before["all_charges_fen"]
    kappa = min(Fraction(1), Fraction(min(on_file), charges)) if on_file and charges else Fraction(1)
    return {"kappa": decimal_text(kappa)}


def _outlay(before: Values, parameters: Values) -> dict[str, Any]:
    charges = before["all_charges_fen"]
    if not charges:
        return {"covered_share": "0"}
    share = Fraction(before["kappa"]) - Fraction(parameters["public_support_fen"], charges)
    return {"covered_share": decimal_text(min(Fraction(1), max(Fraction(0), share)))}


def _expenditure(before: Values, _parameters: Values) -> dict[str, Any]:
    exact = before["eligible_charges_fen"] * Fraction(before["covered_share"])
    return {"eligible_expenditure": decimal_text(exact), "eligible_expenditure_fen": exact // 1}


def _base(before: Values, _parameters: Values) -> dict[str, Any]:
    exact = Fraction(before["eligible_expenditure"]) * Fraction(before["ratio"])
    return {"base": decimal_text(exact), "base_fen": exact // 1}


def _uplift(before: Values, parameters: Values) -> dict[str, Any]:
    rate = Fraction(before["order_rate"])
    if parameters["north"] and parameters["uplift"] != "off":
        rate *= Fraction(parameters["factor"])
        if parameters["uplift"] == "capped":
            rate = min(rate, Fraction(before["ceiling"]))
    return {"rate": decimal_text(rate)}


def _gate(_before: Values, parameters: Values) -> dict[str, Any]:
    if parameters["refused"]:
        return {"gate": "refused"}
    return {"gate": "held" if parameters["held"] else "open"}


def _rounded(exact: Fraction, rounding: str) -> int:
    return (exact + Fraction(1, 2)) // 1 if rounding == "half_up" else exact // 1


def _award(before: Values, parameters: Values) -> dict[str, Any]:
    if before["gate"] != "open":
        return {"award_fen": 0}
    exact = Fraction(before["base"]) * Fraction(before["rate"])
    return {"award_fen": _rounded(exact, parameters["rounding"])}


def _hold(before: Values, parameters: Values) -> dict[str, Any]:
    if before["gate"] == "refused":
        return {"released_award_fen": 0, "held_fen": 0}
    consumed = Fraction(before["released_consumed_pflops_hours"])
    group_consumed = Fraction(parameters["group_released_consumed_pflops_hours"])
    ratio = _ratio_of(
        parameters["net_effect"],
        consumed,
        consumed - Fraction(before["supplied_pflops_hours"]),
        group_consumed,
        group_consumed - Fraction(before["group_supplied_pflops_hours"]),
    )
    exact = before["released_charges_fen"] * Fraction(before["covered_share"]) * ratio * Fraction(before["rate"])
    released = _rounded(exact, parameters["rounding"])
    return {"released_award_fen": released, "held_fen": max(0, released - before["award_fen"])}


def _budget(before: Values, parameters: Values) -> dict[str, Any]:
    award, budget, total = before["award_fen"], parameters["budget_fen"], parameters["sum_of_awards_fen"]
    if parameters["forecast"]:
        return {"payable_fen": 0}
    if budget is None or total <= budget:
        return {"payable_fen": award}
    return {"payable_fen": award * budget // total + parameters["odd_fen"]}


def _adjust(before: Values, parameters: Values) -> dict[str, Any]:
    return {"adjustment_fen": before["payable_fen"] - parameters["settled_fen"]}


def _clause(_before: Values, parameters: Values) -> dict[str, Any]:
    fen = Fraction(parameters["measure"]) * Fraction(parameters["fen_per_unit"]) // 1
    return {"clause_fen": min(fen, parameters.get("cap_fen", fen))}


def _higher(before: Values, parameters: Values) -> dict[str, Any]:
    ours, other = before["clause_fen"], parameters["other_fen"]
    if parameters["against"]:
        ours = 0
    elif other is not None and parameters["other_paid"]:
        ours = max(0, ours - other)
    elif other is not None and other > ours:
        ours = 0
    return {"ours_fen": ours}


def _stack(before: Values, parameters: Values) -> dict[str, Any]:
    ours, cost, paid = before["ours_fen"], parameters["cost_fen"], parameters["paid_before_fen"]
    if cost is not None and paid > 0:
        ours = min(ours, max(0, cost - paid))
    return {f"item_fen:{parameters['application']}": ours}


def _draft(before: Values, _parameters: Values) -> dict[str, Any]:
    return {"award_fen": sum(before.values()), "held_fen": 0, "payable_fen": 0}


OPERATIONS: Final[Mapping[str, Callable[[Values, Values], dict[str, Any]]]] = {
    "given": _given,
    "name": _name,
    "leave_out": _leave_out,
    "net": _net,
    "group_net": _group_net,
    "ratio": _ratio,
    "coverage": _coverage,
    "outlay": _outlay,
    "expenditure": _expenditure,
    "base": _base,
    "uplift": _uplift,
    "gate": _gate,
    "award": _award,
    "hold": _hold,
    "budget": _budget,
    "adjust": _adjust,
    "clause": _clause,
    "higher": _higher,
    "stack": _stack,
    "draft": _draft,
}
