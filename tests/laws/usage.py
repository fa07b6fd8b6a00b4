"""Random usage records: straddling, of no length, off the platform, repeated, contradicted, corrected, refused."""

from datetime import timedelta
from fractions import Fraction
from typing import Any

from tests.laws.calendar import Calendar, instant_of, spelled
from tests.laws.chance import Chance

Item = dict[str, Any]

CARDS = [1, 2, 3, 5, 10, 10, 40, 100, "0.125", "2.5", "99.999", "7.000"]
LENGTHS_SECONDS = [0, 1, 3_600, 3_600, 10_800, 36_000, 36_000, 36_000, 37_001, 86_400, 130_000]
STARTS_SECONDS = [28_800] * 6 + [0, 0, 79_200, 86_399, 57_599, 64_800]


class Usage:
    """The records of one world, in order of arrival."""

    def __init__(self, chance: Chance, calendar: Calendar, facilities: list[str], chips: list[str]) -> None:
        """Nothing has arrived yet."""
        self.chance, self.calendar = chance, calendar
        self.facilities, self.chips = facilities, chips
        self.records: list[Item] = []

    def next_id(self) -> str:
        """A fresh id."""
        return f"u{len(self.records) + 1}"

    def add(self, consumer: str, facility: str, **fields: Any) -> Item:
        """One record of a consumer at a facility; what is not given is drawn."""
        chance = self.chance
        start = instant_of(self.calendar.scene(), chance.one(STARTS_SECONDS))
        length = chance.one(LENGTHS_SECONDS)
        if chance.happens(0.02):
            length = chance.number(20, 70) * 86_400
        record: Item = {
            "id": self.next_id(),
            "consumer": consumer,
            "facility": facility,
            "chip": chance.one(self.chips),
            "cards": chance.one(CARDS),
            "started_at": spelled(start, chance),
            "ended_at": spelled(start + timedelta(seconds=length), chance),
            "charge_fen": 0 if chance.happens(0.1) else chance.magnitude(1, 9),
            "purpose": chance.one(["research"] * 9 + ["commercial", None]),
        }
        if length == 0:  # a fraction of a second must not make it end before it starts
            record["ended_at"] = record["started_at"]
        if record["purpose"] is None and chance.happens(0.5):
            del record["purpose"]
        if chance.happens(0.07):
            record["via_platform"] = False
        elif chance.happens(0.1):
            record["via_platform"] = True
        if chance.happens(0.06):
            record["order"] = f"PO-{chance.number(1, 3)}"
        if chance.happens(0.06):
            record["evidence"] = f"{chance.number(0, 2**64 - 1):016x}"
        if chance.happens(0.06):
            record["source"] = chance.one(["p1", "p2"])
        record |= fields
        self.records.append(record)
        return record

    def near_threshold(self, insider: str, outsider: str, facility: str) -> None:
        """Use of a facility by an insider and, at or next to a tenth of all, by an outsider."""
        chance = self.chance
        start = instant_of(self.calendar.scene(), 28_800)
        begin, end = start.isoformat(), (start + timedelta(hours=10)).isoformat()
        chip = self.chips[0]
        cards = chance.one([9, 18, 90])
        tenth = Fraction(cards, 9)
        share = chance.one([tenth, tenth, tenth / 2, tenth - Fraction(1, 1000), tenth + Fraction(1, 1000)])
        common = {"started_at": begin, "ended_at": end, "chip": chip, "via_platform": True}
        self.add(insider, facility, cards=cards, **common)
        self.add(outsider, facility, cards=f"{float(share):.3f}", **common)

    def family(self, parent: str, subsidiary: str, other: str, facility: str) -> None:
        """A parent uses the stranger's facility while its subsidiary's facility serves someone else."""
        chance = self.chance
        start = instant_of(self.calendar.scene(), 28_800)
        common = {
            "started_at": start.isoformat(),
            "ended_at": (start + timedelta(hours=10)).isoformat(),
            "chip": self.chips[0],
            "purpose": "research",
        }
        supplied = chance.one([5, 40, 50, 100, 100, 120])
        self.add(parent, "hub", cards=100, **common)
        self.add(other, facility, cards=supplied, **common)
        if chance.happens(0.6):
            used = chance.one([supplied, 50, 200])  # as much as it supplied, or not
            self.add(subsidiary, "hub", cards=used, **(common | {"purpose": chance.one(["research", None])}))

    def balance(self, owner: str, other: str, facility: str) -> None:
        """An owner uses just as much of the hub as someone else uses of its facility."""
        start = instant_of(self.calendar.scene(), 28_800)
        common = {
            "started_at": start.isoformat(),
            "ended_at": (start + timedelta(hours=10)).isoformat(),
            "chip": self.chips[0],
            "cards": self.chance.one([3, 10, "2.5"]),
            "purpose": "research",
            "via_platform": True,
        }
        self.add(owner, "hub", **common)
        self.add(other, facility, **common)

    def repeat(self) -> None:
        """A record again: word for word or in another spelling."""
        record = dict(self.chance.one(self.records))
        if self.chance.happens(0.5):
            cards = record.get("cards")
            if isinstance(cards, int) and not isinstance(cards, bool) and 0 < cards < 10**6:
                record["cards"] = f"{cards}.000"
            if record.get("action") != "void":
                record.setdefault("via_platform", True)
                record.setdefault("purpose", None)
        self.records.append(record)

    def contradict(self) -> None:
        """A record's id with other content."""
        record = dict(self.chance.one(self.records))
        if record.get("action") == "void":
            record["corrects"] = self.chance.one(self.records)["id"]
        else:
            field = self.chance.one(["cards", "charge_fen", "consumer", "consumer", "order", "facility"])
            if field == "cards":
                record["cards"] = 77
            elif field == "charge_fen":
                record["charge_fen"] = 77
            elif field == "order":
                record["order"] = "PO-other"
            elif field == "consumer":
                record["consumer"] = self.chance.one([r for r in self.records if "consumer" in r])["consumer"]
            else:
                record["facility"] = self.chance.one(self.facilities)
        self.records.append(record)

    def correct(self) -> None:
        """A void or a replacement of an earlier record; sometimes of one that can no longer be corrected."""
        chance = self.chance
        target = chance.one(self.records)
        source = {"source": target["source"]} if "source" in target else {}
        if chance.happens(0.1):
            source = {"source": "p3"}  # another source's record
        named = "nothing" if chance.happens(0.08) else target["id"]
        if chance.happens(0.4) or "consumer" not in target:
            self.records.append({"id": self.next_id(), "corrects": named, "action": "void"} | source)
            return
        record = {key: value for key, value in target.items() if key != "source"}
        record |= {"id": self.next_id(), "corrects": named, "action": "replace"} | source
        if chance.happens(0.7) and isinstance(record["charge_fen"], int):
            record["charge_fen"] = max(0, record["charge_fen"]) * chance.number(0, 9) // 10
        if chance.happens(0.3):
            record["cards"] = chance.one(CARDS)
        if chance.happens(0.1):
            record["consumer"] = chance.one([r for r in self.records if "consumer" in r])["consumer"]
        self.records.append(record)

    def spoil(self) -> None:
        """A record that must be refused; sometimes a good one with its id follows."""
        chance = self.chance
        base = dict(chance.one([r for r in self.records if r.get("action") != "void"]))
        for key in ("corrects", "action"):
            base.pop(key, None)
        base["id"] = self.next_id()
        fault: Item = chance.one(
            [
                {"consumer": base["consumer"][:-1] + ("0" if base["consumer"][-1] != "0" else "1")},
                {"facility": "nowhere"},
                {"chip": "H100X"},
                {"cards": 0},
                {"cards": "1.0005"},
                {"cards": 1.5},
                {"cards": "010"},
                {"cards": "-3"},
                {"cards": "1e3"},
                {"charge_fen": -1},
                {"charge_fen": "100"},
                {"charge_fen": 10.0},
                {"charge_fen": True},
                {"purpose": "fun"},
                {"via_platform": "yes"},
                {"started_at": base["ended_at"], "ended_at": "2001-01-01T00:00:00+08:00"},
                {"started_at": "2025-10-01 08:00:00"},
                {"ended_at": "2025-13-01T08:00:00+08:00"},
                {"ended_at": base["ended_at"][:19]},
                {"started_at": "2025-10-01T08:00:00+08:60"},
                {"id": "white space"},
                {"order": None},
                {"corrects": None},
                {"unheard_of": 1},
                {"action": "void"},
                {"corrects": "u1", "action": "undo"},
            ]
        )
        self.records.append(base | fault)
        if chance.happens(0.3):
            self.records.append(base)
