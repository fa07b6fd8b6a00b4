"""One round as a frozen value: its window, its rules with their words, its deadlines, form and cities."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from meter.days import first_second


@dataclass(frozen=True)
class Document:
    """A document a round quotes. `key` is S0 to S4 of docs/rules.md, "Documents"."""

    key: str
    title: str
    issuer: str
    published: datetime.date | None


@dataclass(frozen=True)
class Source:
    """Where a value stands: document, article and quote; or `ext`, why it is taken though it stands in none."""

    document: str | None
    article: str | None
    quote: str | None
    ext: str | None


@dataclass(frozen=True)
class Rule:
    """A rule of the round: id, Chinese title, source and its own parameters."""

    id: str
    title: str
    source: Source
    parameters: Mapping[str, object]


@dataclass(frozen=True)
class Deadline:
    """A moment of the procedure, Asia/Shanghai. `edge`: opens, before (strictly), or minute (R-DEADLINE)."""

    name: str
    title: str
    at: datetime.datetime
    edge: str
    source: Source

    def judge(self, instant: datetime.datetime) -> str:
        """Say on_time, late, early or person (the minute that 23:59 leaves open) for an aware instant."""
        if self.edge == "opens":
            return "on_time" if instant >= self.at else "early"
        if self.edge == "before":
            return "on_time" if instant < self.at else "late"
        if instant <= self.at:
            return "on_time"
        return "person" if instant < self.at + datetime.timedelta(minutes=1) else "late"


@dataclass(frozen=True)
class Form:
    """The summary sheet (汇总表) of the round; no columns: the annex is not published, the template is a slot."""

    columns: tuple[str, ...]
    head: tuple[str, ...]
    unit: str
    decimals: int
    per: str
    clause_cell: str
    clause_cell_ext: str
    source: Source


@dataclass(frozen=True)
class City:
    """A city of the annex: name, 6-digit code (EXT), its department's telephone where the annex gives one."""

    name: str
    code: str
    contact: str | None
    source: Source


@dataclass(frozen=True)
class Gap:
    """Days [from_day, to_day) that belong to no round, with the reason."""

    from_day: int
    to_day: int
    reason: str


@dataclass(frozen=True)
class Round:
    """A round. Days are int days since 1970-01-01 (local); `window` is half-open, None for a draft."""

    id: str
    title: str
    series: str
    edition: str
    draft: bool
    window: tuple[int, int] | None
    window_source: Source | None
    documents: Mapping[str, Document]
    rules: Mapping[str, Rule]
    gaps: tuple[Gap, ...]
    deadlines: tuple[Deadline, ...]
    form: Form | None
    cities: tuple[City, ...]
    sha256: str
    text: str

    def parameter(self, rule: str, name: str) -> object:
        """Return one parameter of one rule; KeyError where the round has no such rule."""
        return self.rules[rule].parameters[name]

    def _strings(self, rule: str, name: str) -> tuple[str, ...]:
        value = self.parameter(rule, name)
        assert isinstance(value, tuple)
        return tuple(str(item) for item in value)

    @property
    def purposes(self) -> tuple[str, ...]:
        """Purposes that count; empty: the round does not ask."""
        return self._strings("R-PURPOSE", "purposes")

    @property
    def facility_in_anhui(self) -> bool:
        """Whether the facility must stand in Anhui (else: allowed and flagged)."""
        return bool(self.parameter("R-PROV", "facility_in_anhui"))

    @property
    def province_prefix(self) -> str:
        """First digits of a region code of the province."""
        return str(self.parameter("R-PROVINCE", "prefix"))

    @property
    def registered_in_anhui(self) -> bool:
        """Whether the user must be registered in Anhui (else: allowed and flagged)."""
        return bool(self.parameter("R-ENTITY", "registered_in_anhui"))

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of entity the notice lists."""
        return self._strings("R-KIND", "kinds")

    @property
    def asks_ai_enterprise(self) -> bool:
        """Whether an enterprise must be a general-AI one."""
        return bool(self.parameter("R-KIND", "ai_enterprise"))

    @property
    def evidence_required(self) -> tuple[str, ...]:
        """Kinds of expenditure fact without which everything is held."""
        return self._strings("R-MATERIALS", "evidence_required")

    @property
    def spend_basis(self) -> str:
        """The round's default reading of spend_basis."""
        return str(self.parameter("R-SPEND", "spend_basis"))

    @property
    def ceiling(self) -> Fraction:
        """Highest rate an order may set."""
        return Fraction(str(self.parameter("R-CAP20", "ceiling")))

    @property
    def uplift_factor(self) -> Fraction:
        """What the northern uplift multiplies the rate by."""
        return Fraction(str(self.parameter("R-NORTH", "factor")))

    def north_prefixes(self, places: str) -> tuple[str, ...]:
        """Return the prefixes of the region codes that count as northern under the reading `north_places`."""
        six = self._strings("R-NORTH-PLACES", "six")
        return six if places == "six" else six + self._strings("R-NORTH-PLACES", "six_plus_four")

    @property
    def insider_share_billionths(self) -> int:
        """Owner share from which an investor is an insider of its facility."""
        return int(Fraction(str(self.parameter("R-INSIDER", "share"))) * 10**9)

    @property
    def window_seconds(self) -> tuple[int, int] | None:
        """The window as epoch seconds, half-open; None for a draft."""
        if self.window is None:
            return None
        first, last = self.window
        return first_second(first), first_second(last)
