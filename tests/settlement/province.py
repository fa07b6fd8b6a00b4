"""A small province as a world: short words for parties, facilities, holdings, use and evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from settlement.compute.settlement import Settlement
from settlement.jobs.worlds.run import run_world, settle_world
from tests.reference.uscc import coded

Item = dict[str, Any]
DAY = "2025-11-03"
"""A day inside anhui-2026."""


def code_of(name: str) -> str:
    """A valid credit code for a short name; names sort like their codes ("p1" before "p2")."""
    return coded(f"9134010000000{int(name[1:]):04d}")


@dataclass
class Province:
    """A world under construction. Use is given in PFLOPS-hours (whole card-hours of a 1000-TFLOPS chip) and fen."""

    round: str = "anhui-2026"
    order: Item = field(default_factory=lambda: {"rate": "0.20"})
    readings: Item = field(default_factory=dict)
    entities: list[Item] = field(default_factory=list)
    facilities: list[Item] = field(default_factory=list)
    chips: list[Item] = field(default_factory=lambda: [{"chip": "T1000", "tflops_fp16": "1000", "source": "assumed"}])
    holdings: list[Item] = field(default_factory=list)
    expenditures: list[Item] = field(default_factory=list)
    usage: list[Item] = field(default_factory=list)
    applications: list[Item] = field(default_factory=list)
    matches: list[Item] = field(default_factory=list)
    settled: Item | None = None

    def party(self, *names: str, **facts: Any) -> Province:
        """Registers enterprises that qualify, with `facts` changed."""
        for name in names:
            base = {
                "uscc": code_of(name),
                "name": f"公司{name}",
                "kind": "enterprise",
                "independent_legal_person": True,
                "region": "340200",
                "ai_enterprise": True,
                "state_body": False,
            }
            self.entities.append(base | facts)
        return self

    def facility(self, name: str, /, valid: tuple[str | None, str | None] = (None, None), **owners: str) -> Province:
        """An intelligent facility in Anhui with owner=share; `_region`, `_intelligent`, `_operator` change it."""
        fact: Item = {
            "id": name,
            "name": f"智算中心{name}",
            "region": owners.pop("_region", "340200"),
            "intelligent": owners.pop("_intelligent", "yes") == "yes",
        }
        operator = owners.pop("_operator", None)
        if operator:
            fact["operator"] = code_of(operator)
        fact["owners"] = [{"uscc": code_of(owner), "share": share} for owner, share in owners.items()]
        self.facilities.append(fact | _period("valid_from", "valid_to", valid))
        return self

    def holds(self, holder: str, held: str, share: str, start: str | None = None, end: str | None = None) -> Province:
        """A holding from `start` to `end` (exclusive)."""
        fact = {"holder": code_of(holder), "held": code_of(held), "share": share, "document": "register"}
        self.holdings.append(fact | _period("from", "to", (start, end)))
        return self

    def use(self, party: str, facility: str, hours: int, fen: int, day: str = DAY, **fields: Any) -> Province:
        """`hours` PFLOPS-hours between 10:00 and 11:00 of a day (0: a record of no length)."""
        record = {
            "id": f"r{len(self.usage) + 1}",
            "consumer": code_of(party),
            "facility": facility,
            "chip": "T1000",
            "cards": max(hours, 1),
            "started_at": f"{day}T10:00:00+08:00",
            "ended_at": f"{day}T1{1 if hours else 0}:00:00+08:00",
            "charge_fen": fen,
            "purpose": "research",
        }
        self.usage.append(record | fields)
        return self

    def paper(self, party: str, kind: str, fen: int, served: tuple[str, str] = (DAY, DAY)) -> Province:
        """An expenditure fact, both ends of its days inclusive."""
        fact = {
            "id": f"x{len(self.expenditures) + 1}",
            "consumer": code_of(party),
            "kind": kind,
            "served_from": served[0],
            "served_to": served[1],
            "amount_fen": fen,
            "document": "paper",
        }
        self.expenditures.append(fact)
        return self

    def world(self) -> Item:
        """The world (docs/contract.md, section 6)."""
        world: Item = {"id": "small", **{name: value for name, value in vars(self).items() if name != "settled"}}
        if self.settled is not None:
            paid = {code_of(name): {"payable_fen": fen} for name, fen in self.settled.items()}
            world["settled"] = {"lines": paid}
        return world

    def got(self, **readings: str) -> Item:
        """What the world comes to: ingest, lines, totals, or refused."""
        found: Item = run_world(self.world(), readings=readings)["got"]
        return found

    def line(self, party: str, **readings: str) -> Item:
        """The line of a party."""
        found: Item = self.got(**readings)["lines"][code_of(party)]
        return found

    def settle(self) -> Settlement:
        """The settlement itself."""
        return settle_world(self.world())[0]


def _period(start: str, end: str, days: tuple[str | None, str | None]) -> Item:
    return {name: day for name, day in zip((start, end), days, strict=True) if day is not None}
