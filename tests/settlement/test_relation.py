"""Groups and insiders of random families, day by day, against a plain search over the holdings of each day."""

import random
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

from settlement.inputs.frames import COLUMNS, Inputs
from settlement.netting.ancestors import MANY, ancestors_of
from settlement.netting.holdings import Groups, Holdings, holdings_of, segments_of
from settlement.netting.insider_use import insiders
from settlement.netting.net import entity_timeline
from settlement.netting.rows import owners_of, rows_of
from settlement.rounds import load_rounds

ROUND = load_rounds()["anhui-2026"]
assert ROUND.window is not None
WINDOW = ROUND.window
DAYS = [WINDOW[0], WINDOW[0] + 3, WINDOW[0] + 9, WINDOW[1] - 1]


@dataclass
class Family:
    """Parties, holdings (holder, held, share in billionths, from, to) and facilities, each owned by two parties."""

    parties: int
    holdings: list[tuple[int, int, int, int, int]]
    owners: list[tuple[int, int]]

    def inputs(self) -> Inputs:
        """The family with use of every facility by everybody on every day of DAYS."""

        def frame(name: str, rows: list[tuple[object, ...]]) -> pl.DataFrame:
            return pl.DataFrame(rows, schema=dict(COLUMNS[name]), orient="row")

        places = range(len(self.owners))
        key = ((day, who, place) for day in DAYS for who in range(self.parties) for place in places)
        return Inputs(
            parties=frame("parties", [(number, f"{number:018d}") for number in range(self.parties)]),
            facilities=frame("facilities", [(place, f"f{place:03d}") for place in places]),
            chips=frame("chips", [(0, "c")]),
            use=frame("use", [(*one, 0, 1, True, 1, 1, 1, 1) for one in key]),
            facility_facts=frame("facility_facts", [(p, p, "f", "340100", True, None, None, None) for p in places]),
            facility_owners=frame("facility_owners", [(p, o, 500_000_000) for p in places for o in self.owners[p]]),
            chip_facts=frame("chip_facts", [(0, 0, 1, None, None)]),
            holding_facts=frame("holding_facts", [(seq, *one) for seq, one in enumerate(self.holdings)]),
        )

    def holders(self, held: int, day: int) -> list[tuple[int, int]]:
        """(share, holder) of a party on a day."""
        return [(share, up) for up, down, share, start, end in self.holdings if down == held and start <= day < end]

    def above(self, party: int, day: int) -> set[int]:
        """The party and all its ancestors."""
        found, open_ends = {party}, [party]
        while open_ends:
            for _, up in self.holders(open_ends.pop(), day):
                if up not in found:
                    found.add(up)
                    open_ends.append(up)
        return found

    def root(self, party: int, day: int) -> int:
        """Where the largest holders lead."""
        path = [party]
        while True:
            holders = self.holders(path[-1], day)
            if not holders:
                return path[-1]
            step = min(holders, key=lambda one: (-one[0], one[1]))[1]
            if step in path:
                return min(path[path.index(step) :])
            path.append(step)


def random_family(seed: int, most_holders: int) -> Family:
    """Thirty parties with up to so many holders each, cycles welcome; some holdings start or end inside the window."""
    chance = random.Random(seed)
    parties = 30
    holdings = []
    for held in range(parties):
        for holder in chance.sample(range(parties), chance.randint(0, most_holders)):
            if holder != held:
                start = chance.choice([0, 0, 0, *DAYS])
                end = chance.choice([10**6, 10**6, 10**6, *(day for day in DAYS if day > start)])
                holdings.append((holder, held, chance.choice([1, 1, 2, 3]) * 10**6, start, end))
    owners = [(one, two) for one, two in (chance.sample(range(parties), 2) for _ in range(4))]
    return Family(parties, holdings, owners)


def holdings_in(family: Family) -> tuple[Inputs, Holdings]:
    """Everything that is held counts."""
    inputs = family.inputs()
    return inputs, holdings_of(inputs, entity_timeline(inputs), WINDOW, 1)


def ladder(steps: int, changing: bool) -> Family:
    """A chain in which every link has a second holder of its own, so that ever more stand above; perhaps with a link
    that ends inside the window."""
    sources = range(steps, 2 * steps)
    holdings = [(link - 1, link, 2 * 10**6, 0, 10**6) for link in range(1, steps)]
    holdings += [(source, source - steps, 10**6, 0, 10**6) for source in sources]
    if changing:
        holdings[steps // 2] = (*holdings[steps // 2][:4], DAYS[2])
    return Family(2 * steps, holdings, [(0, 1), (steps - 1, 2 * steps - 1), (steps + 3, steps + 60), (70, 71)])


def check_insiders(family: Family) -> int:
    """Compares the insiders of a family with a plain search; how many parties have more sources than are kept."""
    inputs, holdings = holdings_in(family)
    rows = rows_of(inputs, WINDOW)
    found = insiders(rows, owners_of(inputs, ROUND, "equity_group"), holdings, WINDOW)
    above = {(who, day): family.above(who, day) for who in range(family.parties) for day in DAYS}
    expected = [
        any(above[who, day] & above[owner, day] for owner in family.owners[place])
        for day, who, place in zip(rows.day.tolist(), rows.consumer.tolist(), rows.facility.tolist(), strict=True)
    ]
    assert found.tolist() == expected
    return int((ancestors_of(holdings, WINDOW).kept == MANY).sum())


@pytest.mark.parametrize("most_holders", [1, 2, 4, 12])
@pytest.mark.parametrize("seed", range(20))
def test_insiders_are_those_with_somebody_above_both(seed: int, most_holders: int) -> None:
    check_insiders(random_family(seed, most_holders))


@pytest.mark.parametrize("changing", [False, True])
def test_insiders_where_more_stand_above_than_are_kept(changing: bool) -> None:
    assert check_insiders(ladder(72, changing)) > 0


@pytest.mark.parametrize("most_holders", [1, 2, 4])
def test_the_root_follows_the_largest_holder_of_the_day(most_holders: int) -> None:
    for seed in range(40):
        family = random_family(seed, most_holders)
        _, holdings = holdings_in(family)
        groups = Groups(holdings, WINDOW)
        for segment in segments_of(holdings, WINDOW, np.array(DAYS, dtype=np.int32)):
            if len(segment.changed):
                groups.advance(segment.changed, groups.below(segment.changed), segment.day)
            expected = [family.root(who, segment.day) for who in range(family.parties)]
            assert groups.root.tolist() == expected, f"seed {seed}, day {segment.day}"
