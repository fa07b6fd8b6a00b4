"""Random applications under the Yinchuan draft, and random compute-centre matches."""

from typing import Any

from tests.laws.calendar import Calendar, text_of
from tests.laws.chance import Chance

Item = dict[str, Any]

HONOURS = ["academician", "award", "national_programme"]


def applications(chance: Chance, calendar: Calendar, cast: list[str]) -> list[Item]:
    """Applications of articles 5, 9 and 14, some on the same cost, some beside another municipal policy."""
    made = []
    for number in chance.some(range(1, 12), chance.number(1, 6)):
        article = chance.one(["5", "9", "9", "9", "14", "14"])
        item: Item = {
            "id": f"a{number}",
            "consumer": chance.one(cast),
            "article": article,
            "from": chance.one(["2024-01-01", "2024-01-01", text_of(calendar.change())]),
            "to": "2025-01-01",
        }
        if item["from"] >= item["to"]:
            item["from"] = "2024-01-01"
        if article == "5":
            item |= {
                "kwh": chance.one(["50000000", "0.5", "123456.789"]),
                "pue": chance.one(["1.19", "1.19", "1.2", "1.20", "1.1999"]),
            }
        if article == "9":
            item |= {
                "model": f"m-{chance.number(1, 4)}",
                "parameters": chance.one(["10000000000", "70000000000", "70000000000", "9999999999"]),
                "scenes": chance.one([4, 5, 5, 6]),
                "landed": chance.happens(0.9),
            }
        if article == "14":
            item["honour"] = chance.one(
                ["academician", "award", "award", "national_programme", "employee of the month"]
            )
            if chance.happens(0.3):
                item["already_received"] = chance.happens(0.5)
        if article != "5" and chance.happens(0.7):
            item["cost_fen"] = chance.one([chance.magnitude(1, 7), 2_000_000_000, 1_000_000_000])
            if chance.happens(0.7):
                item["cost_ref"] = "run-1"
        if chance.happens(0.25):
            amount = chance.one([1, 50_000_000, 250_000_000, 700_000_000])
            item["other_municipal"] = {"amount_fen": amount, "paid": chance.happens(0.5)}
        made.append(item)
    return made


def matches(chance: Chance) -> list[Item]:
    """Matches of cities around the thresholds of R-DC."""
    return [
        {
            "id": f"dc{number}",
            "city": chance.one(["340600", "340100", "341125", "341300"]),
            "new_single_site_pflops": chance.one(["400", "399.99", "450", "1000"]),
            "completed": chance.one(["2024-12-31", "2025-01-01", "2024-06-01", "2024-06-01"]),
            "city_paid_fen": chance.one([0, 1_000_000_000, 3_000_000_000, chance.magnitude(1, 10)]),
            "document": f"bank-{number}",
        }
        for number in range(1, chance.number(2, 4))
    ]
