"""Money: evidence, eligible expenditure, rate, rounding, budget (docs/rules.md, section 6)."""

from dataclasses import dataclass
from fractions import Fraction
from math import floor

from tests.reference.days import day_from_text
from tests.reference.facts import Item
from tests.reference.parts import cumulative_floor
from tests.reference.rounds import Round, is_north

EVIDENCE = ("contract", "invoice", "payment")
KINDS_OF_BASIS: dict[str, tuple[str, ...]] = {
    "least_evidenced": EVIDENCE,
    "invoiced": ("invoice",),
    "settled": (),
}
CEILING = Fraction(20, 100)


@dataclass(frozen=True)
class Evidence:
    """What is on file about the spending of one entity inside the window."""

    totals: dict[str, int]  # of the kinds of evidence with at least one fact touching the window
    public_support_fen: int

    def coverage(self, kinds: tuple[str, ...], all_charges_fen: int) -> Fraction:
        """min(1, least total / all charges) over those of the kinds that have a fact; 1 where none has."""
        totals = [self.totals[kind] for kind in kinds if kind in self.totals]
        if not totals or all_charges_fen == 0:
            return Fraction(1)
        return min(Fraction(1), Fraction(min(totals), all_charges_fen))


def evidence_of(entity: str, expenditures: list[Item], round_: Round) -> Evidence:
    """Cut each fact to the window by days served, both ends inclusive."""
    totals: dict[str, int] = {}
    public_support_fen = 0
    for item in expenditures:
        start, stop = day_from_text(item["served_from"]), day_from_text(item["served_to"]) + 1
        begin, end = max(start, round_.first_day), min(stop, round_.end_day)
        if item["consumer"] != entity or begin >= end:
            continue
        amount = cumulative_floor(item["amount_fen"], begin, end, start, stop)
        if item["kind"] == "public_support":
            public_support_fen += amount
        else:
            totals[item["kind"]] = totals.get(item["kind"], 0) + amount
    return Evidence(totals, public_support_fen)


def eligible_expenditure(
    eligible_charges_fen: int, all_charges_fen: int, evidence: Evidence, spend_basis: str
) -> Fraction:
    """eligible charges x min(1, max(0, kappa - p / all charges)); 0 when there are no charges."""
    if all_charges_fen == 0:
        return Fraction(0)
    kappa = evidence.coverage(KINDS_OF_BASIS[spend_basis], all_charges_fen)
    share = kappa - Fraction(evidence.public_support_fen, all_charges_fen)
    return eligible_charges_fen * min(Fraction(1), max(Fraction(0), share))


def rate_of(order: Item, readings: dict[str, str], region: str | None) -> Fraction:
    """The order's rate (without one a forecast at the ceiling), uplifted for a northern seat where that is on."""
    rate = CEILING if order.get("rate") is None else Fraction(str(order["rate"]))
    if readings["uplift"] == "off" or region is None or not is_north(region, readings["north_places"]):
        return rate
    uplifted = rate * Fraction(12, 10)
    return uplifted if readings["uplift"] == "lifted" else min(uplifted, CEILING)


def rounded(amount: Fraction, rounding: str) -> int:
    """To whole fen, once."""
    return floor(amount + Fraction(1, 2)) if rounding == "half_up" else floor(amount)


def share_out(awards: dict[str, int], budget_fen: int | None) -> dict[str, int]:
    """What of each award is payable out of the budget (R-BUDGET)."""
    claimed = sum(awards.values())
    if budget_fen is None or claimed <= budget_fen:
        return dict(awards)
    exact = {code: Fraction(award * budget_fen, claimed) for code, award in awards.items()}
    payable = {code: floor(amount) for code, amount in exact.items()}
    odd_fen = budget_fen - sum(payable.values())
    by_remainder = sorted(exact, key=lambda code: (-(exact[code] - payable[code]), code))
    for code in by_remainder[:odd_fen]:  # the largest remainders, ties to the smaller code
        payable[code] += 1
    return payable
