"""The builder of provinces: parties, facilities, holdings, use and evidence in short words; a world, or items."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from settlement.compute.settlement import Settlement
from settlement.jobs.worlds.run import run_world, settle_world
from tests.reference.uscc import coded
from tests.support.records import ABSENT, changed, chip, entity, expenditure, holding, usage
from tests.support.records import facility as facility_item

Item = dict[str, Any]
Period = tuple[str | None, str | None]
DAY = "2025-11-03"
"""A day inside anhui-2026."""
CODE_LENGTH = 18


def code_of(name: str) -> str:
    """A valid credit code for a short name; names sort like their codes ("p1" before "p2"). A code is its own."""
    return name if len(name) == CODE_LENGTH else coded(f"9134010000000{int(name[1:]):04d}")


@dataclass
class Province:
    """A world under construction. Use is given in PFLOPS-hours (whole card-hours of a 1000-TFLOPS chip) and fen."""

    round: str = "anhui-2026"
    order: Item = field(default_factory=lambda: {"rate": "0.20"})
    readings: Item = field(default_factory=dict)
    entities: list[Item] = field(default_factory=list)
    facilities: list[Item] = field(default_factory=list)
    chips: list[Item] = field(default_factory=lambda: [chip("T1000", tflops_fp16="1000", valid_from=ABSENT)])
    holdings: list[Item] = field(default_factory=list)
    expenditures: list[Item] = field(default_factory=list)
    usage: list[Item] = field(default_factory=list)
    applications: list[Item] = field(default_factory=list)
    matches: list[Item] = field(default_factory=list)
    settled: Item | None = None

    def party(self, *names: str, **facts: Any) -> Province:
        """Registers enterprises that qualify, with `facts` changed."""
        for name in names:
            usual = {"name": f"公司{name}", "region": "340200", "valid_from": ABSENT}
            self.entities.append(entity(code_of(name), **(usual | facts)))
        return self

    def facility(self, name: str, valid: Period = (None, None), /, **owners: Any) -> Province:
        """An intelligent facility in Anhui with owner=share; `_region`, `_intelligent`, `_operator` change it."""
        changes: Item = {"region": "340200", **_period("valid_from", "valid_to", valid)}
        for key in [key for key in owners if key.startswith("_")]:
            changes[key[1:]] = owners.pop(key)
        changes["intelligent"] = changes.get("intelligent", "yes") == "yes"
        changes["operator"] = code_of(changes["operator"]) if "operator" in changes else ABSENT
        changes["owners"] = [{"uscc": code_of(owner), "share": share} for owner, share in owners.items()]
        self.facilities.append(facility_item(name, **changes))
        return self

    def holds(self, holder: str, held: str, share: str, start: str | None = None, end: str | None = None) -> Province:
        """A holding from `start` to `end` (exclusive)."""
        self.holdings.append(holding(code_of(holder), code_of(held), share, **_period("from", "to", (start, end))))
        return self

    def use(self, party: str, facility: str, hours: int, fen: int, day: str = DAY, **fields: Any) -> Province:
        """`hours` PFLOPS-hours between 10:00 and 11:00 of a day (0: a record of no length)."""
        record = usage(
            f"r{len(self.usage) + 1}", consumer=code_of(party), facility=facility, chip=self.chips[0]["chip"],
            cards=max(hours, 1), charge_fen=fen,
            started_at=f"{day}T10:00:00+08:00", ended_at=f"{day}T1{1 if hours else 0}:00:00+08:00",
        )  # fmt: skip
        self.usage.append(changed(record, fields))
        return self

    def paper(self, party: str, kind: str, fen: int, served: tuple[str, str] = (DAY, DAY)) -> Province:
        """An expenditure fact, both ends of its days inclusive."""
        fact = expenditure(
            f"x{len(self.expenditures) + 1}", consumer=code_of(party), kind=kind, served_from=served[0],
            served_to=served[1], amount_fen=fen,
        )  # fmt: skip
        self.expenditures.append(fact)
        return self

    def registry(self) -> dict[str, list[Item]]:
        """The registry's items by the path that takes them."""
        kinds = {"/chips": self.chips, "/entities": self.entities, "/facilities": self.facilities}
        kinds |= {"/holdings": self.holdings, "/expenditures": self.expenditures}
        return {path: items for path, items in kinds.items() if items}

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


def _period(start: str, end: str, days: Period) -> Item:
    """The two ends of a period; an end that is None is left out: since ever, or for ever."""
    return {name: ABSENT if day is None else day for name, day in zip((start, end), days, strict=True)}
