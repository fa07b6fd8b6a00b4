"""The days on which a random world plays: few, so that facts and use meet, and near the edges of windows."""

from datetime import UTC, date, datetime, timedelta, timezone

from tests.laws.chance import Chance

WINDOWS = {
    "anhui-2024-1": (date(2023, 1, 1), date(2024, 6, 16)),
    "anhui-2025": (date(2024, 9, 15), date(2025, 8, 16)),
    "anhui-2026": (date(2025, 8, 16), date(2026, 4, 16)),
    "yinchuan-draft": (date(2024, 1, 1), date(2025, 1, 1)),
}
SHANGHAI = timezone(timedelta(hours=8))
OFFSETS = (SHANGHAI,) * 7 + (
    UTC,
    UTC,
    timezone(timedelta(hours=-5, minutes=-30)),
    timezone(timedelta(hours=14)),
)


class Calendar:
    """The scene days of one world: use starts on them, facts change on or next to them."""

    def __init__(self, chance: Chance, round_id: str) -> None:
        """Draw one to four days of the window, mostly inside it."""
        self.chance = chance
        self.first, self.end = WINDOWS[round_id]
        length = (self.end - self.first).days
        self.days = [self.first + timedelta(days=chance.number(3, length - 4)) for _ in range(chance.number(1, 3))]
        if chance.happens(0.35):
            self.days.append(self.end - timedelta(days=chance.number(1, 3)))
        if chance.happens(0.25):
            self.days.append(self.first + timedelta(days=chance.number(0, 1)))

    def scene(self) -> date:
        """A day of use; now and then just outside the window, or far from it."""
        if self.chance.happens(0.93):
            return self.chance.one(self.days)
        return self.chance.one(
            [self.first - timedelta(days=1), self.end, self.end + timedelta(days=9), self.first - timedelta(days=40)]
        )

    def change(self) -> date:
        """A day on which some fact changes: mostly on or right after a scene day."""
        day = self.chance.one(self.days) + timedelta(days=self.chance.one([-1, 0, 0, 1, 1, 2, 30]))
        return self.chance.one([day, day, day, self.end, self.end - timedelta(days=1), self.first])


def text_of(day: date) -> str:
    """`YYYY-MM-DD`."""
    return day.isoformat()


def instant_of(day: date, second_of_day: int) -> datetime:
    """An instant by local day and second."""
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI) + timedelta(seconds=second_of_day)


def spelled(instant: datetime, chance: Chance) -> str:
    """RFC 3339, in one of several offsets, sometimes with a fraction that is floored away."""
    local = instant.astimezone(chance.one(OFFSETS))
    text = local.isoformat()
    if text.endswith("+00:00") and chance.happens(0.7):
        text = text[:-6] + "Z"
    if chance.happens(0.05):
        text = text[:19] + chance.one([".0", ".999999", ".5"]) + text[19:]
    return text.lower() if chance.happens(0.03) else text
