"""The addresses of the console's pages, out of its router, with parameters of what there is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from fastapi.routing import iter_route_contexts

from api.console import ROUTER

FILES: Final = (
    "/report.{kind}", "/lines.csv", "/export", "/static/", "{rest", ".csv", "/file", "/output", "/verify", ".pdf",
    "/language/", "/list.",
)  # fmt: skip
"""Routes that answer with a file or lead elsewhere, or that are no page."""


NUMBERED: Final = (
    ("/console/rounds/", "anhui-2026"), ("/console/payouts/", "1"), ("/console/claims/", "1"),
    ("/console/accounts/", "1"), ("/console/quarantine/", "1"), ("/console/registry/", "1"),
)  # fmt: skip
"""How things are numbered whose address is no settlement's."""


def pages(number: str, uscc: str, person: str, more: Mapping[str, str] | None = None) -> list[str]:
    """The addresses of all pages that are read by GET: of a settlement, an entity's code, and a person's name."""
    values = {
        "number": number, "uscc": uscc, "event": "cancel", "batch": "2", "ordinal": "0", "job": "1", "code": "hf-01",
        "form": "entity", **(more or {}),
    }  # fmt: skip
    found = []
    for route in iter_route_contexts(ROUTER.routes):
        path = str(route.path)
        if "GET" not in (route.methods or ()) or any(file in path for file in FILES):
            continue
        here = values | {"number": next((name for start, name in NUMBERED if path.startswith(start)), number)}
        found.append(re.sub(r"\{(\w+)(?::\w+)?\}", lambda m: here.get(m[1], "1"), path))  # noqa: B023 - at once
    held = f"/console/settlements/{number}/held?{urlencode({'reason': 'AI_ENTERPRISE_NOT_ATTESTED'})}"
    return sorted({*found, held, f"/console/people/one?{urlencode({'name': person})}"})
