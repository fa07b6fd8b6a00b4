"""Who is related to whom, and who is one group, on one day (R-RELATED, R-GROUP)."""

from fractions import Fraction

from tests.reference.facts import Registry, share_of


class Family:
    """The holdings that count on one day: a share at or above the threshold, and a holder that is no State body."""

    def __init__(self, registry: Registry, day: int, threshold: Fraction) -> None:
        """Collect the holdings of the day."""
        self.holders: dict[str, dict[str, Fraction]] = {}  # held -> holder -> share
        for pair in registry.holdings.of:
            holding = registry.holdings.on(pair, day)
            if holding is None or share_of(holding) < threshold:
                continue
            if registry.is_state_body(holding["holder"], day):
                continue
            self.holders.setdefault(holding["held"], {})[holding["holder"]] = share_of(holding)

    def ancestors_or_self(self, x: str) -> set[str]:
        """Everyone from whom a chain of holdings that count leads to x, and x."""
        found = {x}
        waiting = [x]
        while waiting:
            for holder in self.holders.get(waiting.pop(), {}):
                if holder not in found:
                    found.add(holder)
                    waiting.append(holder)
        return found

    def related(self, x: str, y: str) -> bool:
        """x = y, or a common ancestor-or-self."""
        return bool(self.ancestors_or_self(x) & self.ancestors_or_self(y))

    def root(self, x: str) -> str:
        """The end of the way from largest holder to largest holder; of a cycle its smallest code."""
        path = [x]
        while path[-1] in self.holders:
            holders = self.holders[path[-1]]
            largest = max(holders.values())
            follow = min(holder for holder in holders if holders[holder] == largest)  # equal shares: the smaller code
            if follow in path:
                return min(path[path.index(follow) :])
            path.append(follow)
        return path[-1]


class Families:
    """The families of all days."""

    def __init__(self, registry: Registry, threshold: Fraction) -> None:
        """Nothing is collected before a day is asked for."""
        self.registry = registry
        self.threshold = threshold
        self.days: dict[int, Family] = {}
        self.roots: dict[tuple[str, int], str] = {}

    def on(self, day: int) -> Family:
        """The family of a day."""
        if day not in self.days:
            self.days[day] = Family(self.registry, day, self.threshold)
        return self.days[day]

    def root(self, x: str, day: int) -> str:
        """The group of x on a day."""
        if (x, day) not in self.roots:
            self.roots[x, day] = self.on(day).root(x)
        return self.roots[x, day]
