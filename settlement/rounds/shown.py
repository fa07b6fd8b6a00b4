"""A round as clients see it: window, policy text, parameters, and where each of them stands."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from meter.days import date_of
from settlement.rounds.round import Round, Source


def round_dict(one: Round) -> dict[str, Any]:
    """Return the round as JSON values; days as dates, `to` exclusive; `text` is the TOML file itself."""
    window = None
    if one.window is not None:
        first, end = (date_of(day) for day in one.window)
        window = {"from": first.isoformat(), "to": end.isoformat(), "source": _source(one.window_source)}
    return {
        "id": one.id,
        "title": one.title,
        "edition": one.edition,
        "draft": one.draft,
        "window": window,
        "documents": [
            {"key": d.key, "title": d.title, "issuer": d.issuer, "published": _value(d.published)}
            for d in one.documents.values()
        ],
        "rules": [
            {
                "rule": rule.id,
                "title": rule.title,
                "parameters": {name: _value(value) for name, value in rule.parameters.items()},
                "source": _source(rule.source),
            }
            for rule in one.rules.values()
        ],
        "deadlines": [
            {"name": d.name, "title": d.title, "at": d.at.isoformat(), "edge": d.edge, "source": _source(d.source)}
            for d in one.deadlines
        ],
        "gaps": [
            {
                "from": date_of(gap.from_day).isoformat(),
                "to": date_of(gap.to_day).isoformat(),
                "reason": gap.reason,
            }
            for gap in one.gaps
        ],
        "sha256": one.sha256,
        "text": one.text,
    }


def _source(source: Source | None) -> dict[str, str] | None:
    if source is None:
        return None
    return {name: value for name, value in vars(source).items() if value is not None}


def _value(value: object) -> Any:
    """Return a parameter as JSON: exact numbers as strings, dates as ISO, sequences as arrays."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, datetime.date | datetime.datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): _value(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(one) for one in value]
    return str(value)
