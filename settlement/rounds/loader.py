"""Reads rounds from TOML under a closed schema and refuses what contradicts, overlaps or leaves an unexplained gap."""

from __future__ import annotations

import datetime
import hashlib
import tomllib
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from settlement.errors import SettlementRefused
from settlement.rounds.round import (
    SHANGHAI,
    City,
    Deadline,
    Document,
    Form,
    Gap,
    Round,
    Rule,
    Source,
    date_of,
    day_of,
)

KINDS = ("enterprise", "university", "research_institute", "new_rnd_institution", "government", "other")
PURPOSES = ("research", "commercial")
EVIDENCE = ("contract", "invoice", "payment")
SPEND_BASES = ("least_evidenced", "invoiced", "settled")
RELATED = (Fraction(1, 4), Fraction(1, 2))
HELD_BELOW = (Fraction(1, 10), Fraction(0))
EDGES = ("opens", "before", "minute")

# Rule id -> parameter -> type. A rule that is not here does not exist, a parameter that is missing is an error.
PARAMETERS: Mapping[str, Mapping[str, str]] = {
    "R-WIN": {},
    "R-EDITION": {},
    "R-BASE": {},
    "R-UNIT": {},
    "R-GRANDFATHER": {},
    "R-PLATFORM": {},
    "R-PURPOSE": {"purposes": "strings"},
    "R-PROV": {"facility_in_anhui": "boolean"},
    "R-PROVINCE": {"prefix": "string"},
    "R-INTELLIGENT": {},
    "R-ENTITY": {"registered_in_anhui": "boolean"},
    "R-KIND": {"kinds": "strings", "ai_enterprise": "boolean"},
    "R-SELF": {},
    "R-INSIDER": {"share": "fraction"},
    "R-HOLD-EXTERNAL": {"share": "fraction"},
    "R-RELATED": {"share": "fraction"},
    "R-NET": {},
    "R-NET-FORMULA": {},
    "R-GROUP": {},
    "R-MATERIALS": {"evidence_required": "strings"},
    "R-SPEND": {"spend_basis": "string"},
    "R-NODUP": {},
    "R-CORR": {},
    "R-CAP20": {"ceiling": "fraction"},
    "R-NORTH": {"factor": "fraction"},
    "R-NORTH-PLACES": {"six": "strings", "six_plus_four": "strings"},
    "R-ROUND": {},
    "R-HOLD": {},
    "R-BUDGET": {},
    "R-FREE": {"entitlement": "string"},
    "R-LATE": {"bars": "string"},
    "R-DEPARTMENT": {"department": "string"},
    "R-DC": {"share": "fraction"},
    "R-DC-SIZE": {"pflops_at_least": "fraction"},
    "R-DC-DATE": {"completed_by": "date"},
    "R-DC-PROOF": {},
    "Y-DRAFT": {},
    "Y-GATE": {},
    "Y-5": {"yuan_per_kwh": "fraction", "pue_below": "fraction"},
    "Y-9": {"rate": "fraction", "cap_fen": "integer", "parameters_at_least": "integer", "scenes_at_least": "integer"},
    "Y-14": {"rate": "fraction", "cap_fen": "integer", "honours": "strings"},
    "Y-STACK": {},
    "Y-HIGHER": {},
}
OPTIONAL = ("R-GRANDFATHER", "R-DEPARTMENT", "R-DC", "R-DC-SIZE", "R-DC-DATE", "R-DC-PROOF")
SETTLED_RULES = tuple(rule for rule in PARAMETERS if rule.startswith("R-") and rule not in OPTIONAL)
DRAFT_RULES = tuple(rule for rule in PARAMETERS if rule.startswith("Y-"))
MATCH_RULES = ("R-DC", "R-DC-SIZE", "R-DC-DATE", "R-DC-PROOF")


def default_folder() -> Path:
    """The folder of the rounds that come with the product."""
    return Path(__file__).parent


def load_round(text: str) -> Round:
    """One round from the text of its file. Raises SettlementRefused (codes ROUND_…) with the place of the mistake."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettlementRefused("ROUND_NOT_TOML", f"the round's file is no TOML: {error}") from error
    table = _Table(data, "round")
    identity = table.string("id")
    table.place = identity
    draft = table.boolean("draft")
    documents = {key: _document(key, item) for key, item in table.tables("documents").items()}
    rules = {key: _rule(key, item, documents) for key, item in table.tables("rules").items()}
    window, window_source = _window(table, documents)
    loaded = Round(
        id=identity,
        title=table.string("title"),
        series=table.string("series"),
        edition=table.string("edition"),
        draft=draft,
        window=window,
        window_source=window_source,
        documents=documents,
        rules=rules,
        gaps=tuple(_gap(item) for item in table.list_of_tables("gaps")),
        deadlines=tuple(_deadline(item, documents) for item in table.list_of_tables("deadlines")),
        form=_form(table.optional_table("form"), documents),
        cities=tuple(_city(item, documents) for item in table.list_of_tables("cities")),
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        text=text,
    )
    table.close()
    _check(loaded)
    return loaded


def load_rounds(folder: Path | None = None) -> dict[str, Round]:
    """All rounds of a folder by id. Raises SettlementRefused on a bad round, overlap, or undeclared gap."""
    rounds: dict[str, Round] = {}
    for path in sorted((folder or default_folder()).glob("*.toml")):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise SettlementRefused("ROUND_NOT_TOML", f"{path.name} is no UTF-8") from error
        loaded = load_round(text)
        if loaded.id != path.stem:
            raise SettlementRefused(
                "ROUND_CONTRADICTION", f"{path.name} holds the round '{loaded.id}': name and id must agree"
            )
        rounds[loaded.id] = loaded
    for series in sorted({item.series for item in rounds.values()}):
        _check_series([item for item in rounds.values() if item.series == series])
    return rounds


class _Table:
    """A TOML table that remembers which keys were asked for, so that an unknown one is an error."""

    def __init__(self, data: Mapping[str, Any], place: str) -> None:
        self.data = dict(data)
        self.place = place

    def _take(self, key: str, kind: type | tuple[type, ...], name: str) -> Any:
        if key not in self.data:
            raise SettlementRefused("ROUND_MISSING_KEY", f"{self.place}: '{key}' is missing")
        value = self.data.pop(key)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise SettlementRefused("ROUND_WRONG_TYPE", f"{self.place}: '{key}' must be {name}, not {value!r}")
        return value

    def string(self, key: str) -> str:
        value: str = self._take(key, str, "a text")
        if not value.strip():
            raise SettlementRefused("ROUND_WRONG_TYPE", f"{self.place}: '{key}' is empty")
        return value

    def optional_string(self, key: str) -> str | None:
        return self.string(key) if key in self.data else None

    def boolean(self, key: str) -> bool:
        return bool(self._take(key, bool, "true or false"))

    def integer(self, key: str) -> int:
        return int(self._take(key, int, "a whole number"))

    def date(self, key: str) -> datetime.date:
        value = self._take(key, datetime.date, "a date")
        if isinstance(value, datetime.datetime):
            raise SettlementRefused("ROUND_WRONG_TYPE", f"{self.place}: '{key}' must be a date without time")
        assert isinstance(value, datetime.date)
        return value

    def moment(self, key: str) -> datetime.datetime:
        value: datetime.datetime = self._take(key, datetime.datetime, "a local date and time")
        if value.tzinfo is not None:
            raise SettlementRefused(
                "ROUND_WRONG_TYPE", f"{self.place}: '{key}' is local time of Asia/Shanghai, without offset"
            )
        return value.replace(tzinfo=SHANGHAI)

    def fraction(self, key: str) -> Fraction:
        value = self.string(key)
        try:
            return Fraction(value)
        except (ValueError, ZeroDivisionError) as error:
            raise SettlementRefused("ROUND_WRONG_TYPE", f"{self.place}: '{key}' is no number: {value!r}") from error

    def strings(self, key: str) -> tuple[str, ...]:
        value = self._take(key, list, "a list of texts")
        if not all(isinstance(item, str) and item for item in value):
            raise SettlementRefused("ROUND_WRONG_TYPE", f"{self.place}: '{key}' must be a list of texts")
        if len(set(value)) != len(value):
            raise SettlementRefused("ROUND_CONTRADICTION", f"{self.place}: '{key}' names something twice")
        return tuple(value)

    def optional_table(self, key: str) -> _Table | None:
        if key not in self.data:
            return None
        return _Table(self._take(key, dict, "a table"), f"{self.place}.{key}")

    def tables(self, key: str) -> dict[str, _Table]:
        value = self._take(key, dict, "a table of tables")
        place = f"{self.place}.{key}"
        return {name: _Table(_Table(value, place)._take(name, dict, "a table"), f"{place}.{name}") for name in value}

    def list_of_tables(self, key: str) -> list[_Table]:
        value = self._take(key, list, "a list of tables") if key in self.data else []
        if not all(isinstance(item, dict) for item in value):
            raise SettlementRefused("ROUND_WRONG_TYPE", f"{self.place}: '{key}' must be a list of tables")
        return [_Table(item, f"{self.place}.{key}[{index}]") for index, item in enumerate(value)]

    def close(self) -> None:
        if self.data:
            raise SettlementRefused("ROUND_UNKNOWN_KEY", f"{self.place}: unknown key '{sorted(self.data)[0]}'")


def _document(key: str, table: _Table) -> Document:
    published = table.date("published") if "published" in table.data else None
    document = Document(key, table.string("title"), table.string("issuer"), published)
    table.close()
    return document


def _source(table: _Table, documents: Mapping[str, Document], *, both: bool = False) -> Source:
    """The source of a value; `both` allows an EXT remark beside the quote."""
    ext = table.optional_string("ext")
    if ext is not None and "quote" not in table.data and "document" not in table.data:
        return Source(None, None, None, ext)
    if ext is not None and not both:
        raise SettlementRefused("ROUND_CONTRADICTION", f"{table.place}: a value is either quoted or ext, not both")
    document = table.string("document")
    if document not in documents:
        raise SettlementRefused(
            "ROUND_CONTRADICTION", f"{table.place}: document '{document}' is not among the round's documents"
        )
    return Source(document, table.string("article"), table.string("quote"), ext)


def _rule(identity: str, table: _Table, documents: Mapping[str, Document]) -> Rule:
    if identity not in PARAMETERS:
        raise SettlementRefused("ROUND_UNKNOWN_KEY", f"{table.place}: there is no rule '{identity}'")
    readers: Mapping[str, Callable[[str], object]] = {
        "string": table.string,
        "strings": table.strings,
        "boolean": table.boolean,
        "integer": table.integer,
        "fraction": table.fraction,
        "date": table.date,
    }
    parameters = {name: readers[kind](name) for name, kind in PARAMETERS[identity].items()}
    rule = Rule(identity, table.string("title"), _source(table, documents), parameters)
    table.close()
    return rule


def _window(table: _Table, documents: Mapping[str, Document]) -> tuple[tuple[int, int] | None, Source | None]:
    window = table.optional_table("window")
    if window is None:
        return None, None
    days = day_of(window.date("from")), day_of(window.date("to"))
    if days[0] >= days[1]:
        raise SettlementRefused("ROUND_CONTRADICTION", f"{window.place}: 'from' must lie before 'to'")
    source = _source(window, documents)
    window.close()
    return days, source


def _gap(table: _Table) -> Gap:
    gap = Gap(day_of(table.date("from")), day_of(table.date("to")), table.string("reason"))
    if gap.from_day >= gap.to_day:
        raise SettlementRefused("ROUND_CONTRADICTION", f"{table.place}: 'from' must lie before 'to'")
    table.close()
    return gap


def _deadline(table: _Table, documents: Mapping[str, Document]) -> Deadline:
    edge = table.string("edge")
    _among(table.place, "edge", [edge], EDGES)
    deadline = Deadline(
        table.string("name"), table.string("title"), table.moment("at"), edge, _source(table, documents)
    )
    table.close()
    return deadline


def _form(table: _Table | None, documents: Mapping[str, Document]) -> Form | None:
    if table is None:
        return None
    form = Form(
        columns=table.strings("columns"),
        head=table.strings("head"),
        unit=table.string("unit"),
        decimals=table.integer("decimals"),
        per=table.string("per"),
        clause_cell=table.string("clause_cell"),
        clause_cell_ext=table.string("clause_cell_ext"),
        source=_source(table, documents),
    )
    table.close()
    return form


def _city(table: _Table, documents: Mapping[str, Document]) -> City:
    city = City(
        table.string("name"),
        table.string("code"),
        table.optional_string("contact"),
        _source(table, documents, both=True),
    )
    if len(city.code) != 6 or not city.code.isdigit():
        raise SettlementRefused("ROUND_WRONG_TYPE", f"{table.place}: a region code has 6 digits, not '{city.code}'")
    table.close()
    return city


def _among(place: str, key: str, values: Iterable[str], allowed: tuple[str, ...]) -> None:
    for value in values:
        if value not in allowed:
            raise SettlementRefused(
                "ROUND_CONTRADICTION", f"{place}: '{key}' must be of {', '.join(allowed)}, not '{value}'"
            )


def _check(loaded: Round) -> None:
    """What no single table can see: rules present, values possible together."""
    place = loaded.id
    needed, foreign = (DRAFT_RULES, "R-") if loaded.draft else (SETTLED_RULES, "Y-")
    for rule in needed:
        if rule not in loaded.rules:
            raise SettlementRefused("ROUND_MISSING_KEY", f"{place}: the rule '{rule}' is missing")
    for rule in loaded.rules:
        if rule.startswith(foreign):
            kind = "a draft" if loaded.draft else "no draft"
            raise SettlementRefused(
                "ROUND_CONTRADICTION", f"{place}: the round is {kind}, yet it carries the rule '{rule}'"
            )
    if len({city.code for city in loaded.cities}) != len(loaded.cities):
        raise SettlementRefused("ROUND_CONTRADICTION", f"{place}: a city's code occurs twice")
    if len({deadline.name for deadline in loaded.deadlines}) != len(loaded.deadlines):
        raise SettlementRefused("ROUND_CONTRADICTION", f"{place}: a deadline's name occurs twice")
    if loaded.draft:
        if loaded.window is not None or loaded.gaps:
            raise SettlementRefused("ROUND_CONTRADICTION", f"{place}: a draft has no dates, so no window and no gaps")
        return
    if loaded.window is None:
        raise SettlementRefused("ROUND_MISSING_KEY", f"{place}: 'window' is missing")
    if "Y-DRAFT" in loaded.rules:
        raise SettlementRefused("ROUND_CONTRADICTION", f"{place}: a settled round cannot carry the rules of a draft")
    _among(f"{place}.rules.R-PURPOSE", "purposes", loaded.purposes, PURPOSES)
    _among(f"{place}.rules.R-KIND", "kinds", loaded.kinds, KINDS)
    _among(f"{place}.rules.R-MATERIALS", "evidence_required", loaded.evidence_required, EVIDENCE)
    _among(f"{place}.rules.R-SPEND", "spend_basis", [loaded.spend_basis], SPEND_BASES)
    if not loaded.kinds:
        raise SettlementRefused("ROUND_CONTRADICTION", f"{place}: no kind of entity is listed, so nobody could be paid")
    if loaded.asks_ai_enterprise and "enterprise" not in loaded.kinds:
        raise SettlementRefused(
            "ROUND_CONTRADICTION", f"{place}: an attribute of enterprises is asked, yet none is listed"
        )
    if not 0 < loaded.ceiling <= 1:
        raise SettlementRefused("ROUND_CONTRADICTION", f"{place}: the ceiling must lie above 0 and not above 1")
    if loaded.uplift_factor < 1:
        raise SettlementRefused("ROUND_CONTRADICTION", f"{place}: an uplift below 1 lowers")
    insider = loaded.rules["R-INSIDER"].parameters["share"]
    if not isinstance(insider, Fraction) or not 0 < insider <= 1 or (insider * 10**9).denominator != 1:
        raise SettlementRefused(
            "ROUND_CONTRADICTION", f"{place}: the share of R-INSIDER must lie in (0, 1] with 9 decimals"
        )
    for rule, choices in (("R-RELATED", RELATED), ("R-HOLD-EXTERNAL", HELD_BELOW)):
        if loaded.rules[rule].parameters["share"] not in choices:
            allowed = " or ".join(str(choice) for choice in choices)
            raise SettlementRefused(
                "ROUND_CONTRADICTION", f"{place}: the share of {rule} is {allowed}, the readings there are"
            )
    match = [rule for rule in MATCH_RULES if rule in loaded.rules]
    if match and len(match) != len(MATCH_RULES):
        raise SettlementRefused(
            "ROUND_CONTRADICTION", f"{place}: the compute-centre match needs all of {', '.join(MATCH_RULES)}"
        )


def _check_series(rounds: list[Round]) -> None:
    """Windows of one series neither overlap nor leave a gap that the later round does not declare."""
    dated = sorted((item for item in rounds if item.window is not None), key=lambda item: item.window or (0, 0))
    for index, later in enumerate(dated):
        assert later.window is not None
        declared = [(gap.from_day, gap.to_day) for gap in later.gaps]
        actual: list[tuple[int, int]] = []
        if index > 0:
            earlier = dated[index - 1]
            assert earlier.window is not None
            if later.window[0] < earlier.window[1]:
                raise SettlementRefused("ROUND_OVERLAP", f"the windows of '{earlier.id}' and '{later.id}' overlap")
            if later.window[0] > earlier.window[1]:
                actual = [(earlier.window[1], later.window[0])]
        if declared != actual:
            wanted = ", ".join(f"[{date_of(a)}, {date_of(b)})" for a, b in actual) or "none"
            given = ", ".join(f"[{date_of(a)}, {date_of(b)})" for a, b in declared) or "none"
            raise SettlementRefused(
                "ROUND_GAP", f"'{later.id}': gap before it: {wanted}, declared with a reason: {given}"
            )
