"""Consumed, supplied, and their group figures (docs/rules.md, section 5)."""

from dataclasses import dataclass
from fractions import Fraction

from tests.reference.family import Families
from tests.reference.judgement import Judged


@dataclass(frozen=True)
class Net:
    """The quantities of one entity, in PFLOPS-hours."""

    consumed: Fraction
    supplied: Fraction
    group_consumed: Fraction
    group_supplied: Fraction

    @property
    def net(self) -> Fraction:
        """Of the entity."""
        return self.consumed - self.supplied

    @property
    def group_net(self) -> Fraction:
        """Of its group."""
        return self.group_consumed - self.group_supplied

    def ratio(self, net_effect: str) -> Fraction:
        """min of both shares that remain when both nets are positive, else 0; under gate any positive nets open all."""
        if self.net <= 0 or self.group_net <= 0:
            return Fraction(0)
        if net_effect == "gate":
            return Fraction(1)
        return min(self.net / self.consumed, self.group_net / self.group_consumed)


def net_of(entity: str, judged: list[Judged], readings: dict[str, str], families: Families, released: bool) -> Net:
    """Net the use of everyone for one entity."""
    consumed = supplied = group_consumed = group_supplied = Fraction(0)
    for one in judged:
        part = one.part
        counts = one.in_scheme if readings["filter_order"] == "net_then_filter" else one.eligible(released)
        if counts and part.consumer == entity:
            consumed += part.quantity
        if one.in_scheme and part.consumer != entity:
            supplied += part.quantity * supply_share(entity, one, readings)
        if readings["supply_owner"] != "equity_group":
            continue
        group = families.root(entity, part.day)  # the group figures of an entity follow it from day to day
        user_is_member = families.root(part.consumer, part.day) == group
        if counts and user_is_member:
            group_consumed += part.quantity
        if one.in_scheme and not user_is_member:
            for owner, share in part.owners:
                if families.root(owner, part.day) == group:
                    group_supplied += part.quantity * share
    if readings["supply_owner"] != "equity_group":  # no group test: the group figures are its own
        return Net(consumed, supplied, consumed, supplied)
    return Net(consumed, supplied, group_consumed, group_supplied)


def supply_share(entity: str, one: Judged, readings: dict[str, str]) -> Fraction:
    """Which share of a part used by someone else the entity supplied."""
    owners = one.part.owners
    if readings["supply_owner"] != "legal_person":
        return sum((share for owner, share in owners if owner == entity), Fraction(0))
    supplier = one.part.operator
    if supplier is None:
        supplier = next((owner for owner, share in owners if share == 1), None)
    return Fraction(1) if supplier == entity else Fraction(0)
