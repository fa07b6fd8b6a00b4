"""Reads rounds from TOML: each table under its closed schema, then the round, then the series of rounds."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from meter.days import day_number
from meter.regions import REGION
from settlement.errors import SettlementRefused
from settlement.rounds.catalogue import PARAMETERS
from settlement.rounds.checks import EDGES, check_among, check_round, check_series
from settlement.rounds.round import (
    City,
    Deadline,
    Document,
    Form,
    Gap,
    Round,
    Rule,
    Source,
)
from settlement.rounds.table import Table


def default_folder() -> Path:
    """Return the folder of the rounds that come with the product."""
    return Path(__file__).parent


def load_round(text: str) -> Round:
    """Return one round from the text of its file.

    Raises SettlementRefused (codes ROUND_…) with the place of the mistake.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettlementRefused("ROUND_NOT_TOML", f"the round's file is not TOML: {error}") from error
    table = Table(data, "round")
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
    check_round(loaded)
    return loaded


def load_rounds(folder: Path | None = None) -> Mapping[str, Round]:
    """Return all rounds of a folder by id. Raises SettlementRefused on a bad round, overlap, or undeclared gap.

    Without a folder the product's, which are read once: a published round never changes while a process lives.
    """
    return _rounds_of_product() if folder is None else _rounds_in(folder)


def lowest_insider_share_billionths() -> int:
    """Return from which share on an investor is an insider in some round of the product."""
    return min(one.insider_share_billionths for one in load_rounds().values() if not one.draft)


@cache
def _rounds_of_product() -> Mapping[str, Round]:
    return MappingProxyType(_rounds_in(default_folder()))


def _rounds_in(folder: Path) -> dict[str, Round]:
    rounds: dict[str, Round] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise SettlementRefused("ROUND_NOT_TOML", f"{path.name} is not UTF-8") from error
        loaded = load_round(text)
        if loaded.id != path.stem:
            raise SettlementRefused(
                "ROUND_CONTRADICTION", f"{path.name} holds the round '{loaded.id}': name and id must agree"
            )
        rounds[loaded.id] = loaded
    for series in sorted({item.series for item in rounds.values()}):
        check_series([item for item in rounds.values() if item.series == series])
    return rounds


def _document(key: str, table: Table) -> Document:
    published = table.date("published") if "published" in table.data else None
    document = Document(key, table.string("title"), table.string("issuer"), published)
    table.close()
    return document


def _source(table: Table, documents: Mapping[str, Document], *, both: bool = False) -> Source:
    """Return the source of a value; `both` allows an EXT remark beside the quote."""
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


def _rule(identity: str, table: Table, documents: Mapping[str, Document]) -> Rule:
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


def _window(table: Table, documents: Mapping[str, Document]) -> tuple[tuple[int, int] | None, Source | None]:
    window = table.optional_table("window")
    if window is None:
        return None, None
    days = day_number(window.date("from")), day_number(window.date("to"))
    if days[0] >= days[1]:
        raise SettlementRefused("ROUND_CONTRADICTION", f"{window.place}: 'from' must lie before 'to'")
    source = _source(window, documents)
    window.close()
    return days, source


def _gap(table: Table) -> Gap:
    gap = Gap(day_number(table.date("from")), day_number(table.date("to")), table.string("reason"))
    if gap.from_day >= gap.to_day:
        raise SettlementRefused("ROUND_CONTRADICTION", f"{table.place}: 'from' must lie before 'to'")
    table.close()
    return gap


def _deadline(table: Table, documents: Mapping[str, Document]) -> Deadline:
    edge = table.string("edge")
    check_among(table.place, "edge", [edge], EDGES)
    deadline = Deadline(
        table.string("name"), table.string("title"), table.moment("at"), edge, _source(table, documents)
    )
    table.close()
    return deadline


def _form(table: Table | None, documents: Mapping[str, Document]) -> Form | None:
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


def _city(table: Table, documents: Mapping[str, Document]) -> City:
    city = City(
        table.string("name"),
        table.string("code"),
        table.optional_string("contact"),
        _source(table, documents, both=True),
    )
    if not REGION.fullmatch(city.code):
        raise SettlementRefused("ROUND_WRONG_TYPE", f"{table.place}: a region code has 6 digits, not '{city.code}'")
    table.close()
    return city
