"""The lists of the API and the pages of the console, of a settlement of many lines, searched, filtered and turned."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Any

import httpx
import pyotp
from fastapi.routing import iter_route_contexts

from api.auth.people import create_person
from api.auth.second_factor import TOTP_SECONDS, new_second_factor
from api.auth.sessions import log_in
from api.console import ROUTER
from api.console.sessions import SESSION_COOKIE
from benchmarks.ingest.province import FACILITIES
from meter.database.connect import owner_engine, service_engine

PASSWORD = "long enough for a measurement"
PEOPLE = {
    "province": ("finance", None), "city": ("reviewer", "341300"), "registrar": ("registrar", None),
    "auditor": ("auditor", None), "approver": ("approver", None),
}  # fmt: skip
PLACES = (
    "/v1/settlements", "/v1/settlements/{id}", "/v1/settlements/{id}/lines", "/v1/settlements/{id}/lines?limit=1000",
    "/v1/settlements/{id}/lines?q=nobody", "/v1/settlements/{id}/lines?q=示例单位0000042",
    "/v1/settlements/{id}/lines?q=91340100MA", "/v1/settlements/{id}/lines?status=held",
    "/v1/settlements/{id}/lines?region=341300", "/v1/settlements/{id}/lines/{uscc}", "/v1/settlements/{id}/findings",
    "/v1/settlements/{id}/changes", "/v1/rounds",
)  # fmt: skip
PAGES = (
    "/console/settlements", "/console/settlements/{id}", "/console/settlements/{id}?q=nobody",
    "/console/settlements/{id}?q=0000042", "/console/settlements/{id}?status=held",
    "/console/settlements/{id}?region=341300", "/console/settlements/{id}?sort=due",
    "/console/registry?q=0000042", "/console/registry?q=nobody", "/console/search?q=示例单位0000042",
    "/console/search?q=91340100MA",
)  # fmt: skip
FILES = ("/report.{kind}", ".csv", ".pdf", "/export", "/static/", "{rest", "/file", "/output", "/verify", "/interval")
"""Of the console's routes: what answers with a file or a job, and no page."""
OTHERS = {"round_id": "anhui-2026", "code": FACILITIES[0], "form": "entity", "event": "cancel"}


def every_page() -> tuple[str, ...]:
    """Return the addresses of all pages of the console, so that none is forgotten, and the filtered lists."""
    found = set(PAGES)
    for route in iter_route_contexts(ROUTER.routes):
        path = str(route.path)
        if "GET" not in (route.methods or ()) or any(part in path for part in FILES):
            continue
        named = path.replace("{number}", "{id}") if path.startswith("/console/settlements/") else path
        if path.startswith("/console/rounds/"):
            named = re.sub(r"\{\w+\}", "anhui-2026", path)
        found.add(re.sub(r"\{(?!id\}|uscc\})(\w+)(?::\w+)?\}", lambda match: OTHERS.get(match[1], "1"), named))
    return tuple(sorted(found))


async def sessions(database: str, turn: str) -> dict[str, str]:
    """Make somebody of every role that reads, and of a city, and log them in; their sessions' tokens."""
    engine, door = owner_engine(database), service_engine(database, 2)
    found = {}
    try:
        for name, (role, city) in PEOPLE.items():
            secret, _ = new_second_factor(name)
            moment = datetime.now(UTC)
            called = f"whole-{name}-{turn}"
            await create_person(
                engine, name=called, role=role, city=city, password=PASSWORD, now=moment, totp_secret=secret
            )
            code = pyotp.TOTP(secret, interval=TOTP_SECONDS).at(moment)
            token = await log_in(door, called, PASSWORD, moment, code)
            assert token is not None
            found[name] = token
    finally:
        await engine.dispose()
        await door.dispose()
    return found


def page_seconds(port: int, key: str, people: dict[str, str], settlement: str, times: int) -> dict[str, Any]:
    """Ask for every list and page so many times; the slowest in a hundred of each and of all, in milliseconds."""
    taken: dict[str, list[float]] = {}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=600) as client:
        known = client.get(f"/v1/settlements/{settlement}/lines?limit=1", headers={"Authorization": f"Bearer {key}"})
        uscc = known.raise_for_status().json()["items"][0]["uscc"]
        asked = [("", {"Authorization": f"Bearer {key}"}, place) for place in PLACES]
        for name, token in people.items():
            asked += [(f"{name} ", {"Cookie": f"{SESSION_COOKIE}={token}"}, place) for place in every_page()]
        for _ in range(times + 1):
            for who, headers, place in asked:
                path = place.format(id=settlement, uscc=uscc)
                started = time.perf_counter()
                answer = client.get(path, headers=headers)
                seconds = time.perf_counter() - started
                if who and answer.status_code in (303, 403, 404, 409):  # of another role or city, or not there
                    continue
                assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:200]}"
                taken.setdefault(who + place, []).append(seconds)
    slow = {place: round(1000 * _p99(all_[1:])) for place, all_ in taken.items()}  # the first one warms up
    return {"p99_ms": max(slow.values()), "by_page": slow}


def _p99(seconds: list[float]) -> float:
    return sorted(seconds)[min(len(seconds) - 1, int(0.99 * len(seconds)))]
