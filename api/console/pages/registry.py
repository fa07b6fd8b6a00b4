"""The registry: entities and facilities by name, and everything on record about one of them, with its history."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response

from api.actions.registry_entries import ENTRY_SCOPE
from api.auth.people import Person
from api.clock import now
from api.console.answer import page
from api.console.language.text import phrase
from api.console.pages.settlements import frame
from api.console.queries import Queries, queries_of
from api.console.registry_queries import FACTS_MOST, RegistryQueries, registry_of
from api.console.sections import REGISTRY
from api.console.sessions import ConsoleRoute, admitted, missing, refusal
from api.console.wording.registry import ENTRY_KIND, ENTRY_STATUS, EVIDENCE, shown_facts, subject_of, yes
from api.console.wording.vocabulary import KIND
from meter.days import SHANGHAI, day_number

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
Facts = Annotated[RegistryQueries, Depends(registry_of)]
A_PAGE: Final = 50
LONGEST: Final = 64
WAITING_MOST: Final = 20
WORDS: Final = {
    "KIND": KIND, "EVIDENCE": EVIDENCE, "ENTRY_KIND": ENTRY_KIND, "ENTRY_STATUS": ENTRY_STATUS, "yes": yes,
    "subject_of": subject_of,
}  # fmt: skip


@ROUTER.get("/registry")
async def get_registry(request: Request, queries: Shelf, facts: Facts, q: str = "", after: str = "") -> Response:
    """Show entities by name or code, and the entries that wait for another hand."""
    return await _list(request, queries, facts, "entities", q, after)


@ROUTER.get("/registry/facilities")
async def get_facilities(request: Request, queries: Shelf, facts: Facts, q: str = "", after: str = "") -> Response:
    """Show facilities by name or code."""
    return await _list(request, queries, facts, "facilities", q, after)


async def _list(request: Request, queries: Queries, facts: RegistryQueries, kind: str, q: str, after: str) -> Response:
    person = await admitted(request, queries, REGISTRY)
    text = q.strip()
    if max(len(text), len(after)) > LONGEST or "\0" in text + after:
        raise refusal(400, phrase("查找内容有误"), phrase("请输入不超过 {LONGEST} 个字符。", LONGEST=LONGEST), person)
    found = await facts.named(kind, text, after, A_PAGE + 1)
    items = found[:A_PAGE]
    last = (items[-1].get("uscc") or items[-1].get("code")) if len(found) > A_PAGE else ""
    waiting = await facts.entries("proposed", None, 0, WAITING_MOST) if not after else []
    return page(
        "registry", **frame(request, person, REGISTRY), **WORDS, kind=kind, items=items, q=text, waiting=waiting,
        enters=enters(person), first=not after, chosen=urlencode({"q": text}) if text else "",
        following=urlencode({**({"q": text} if text else {}), "after": last}) if last else "",
    )  # fmt: skip


@ROUTER.get("/registry/entities/{uscc}")
async def get_entity(request: Request, queries: Shelf, facts: Facts, uscc: str) -> Response:
    """Show everything on record about an entity."""
    person = await admitted(request, queries, REGISTRY)
    if len(uscc) > LONGEST:
        raise missing(phrase("单位"), person)
    found = await facts.entity(uscc)
    entries = await facts.entries(None, uscc, 0, WAITING_MOST)
    if not any(found.values()) and not entries and not enters(person):
        raise missing(phrase("单位"), person)
    shown = shown_facts(found["facts"], today())
    return page(
        "registry_entity", **frame(request, person, REGISTRY), **WORDS, uscc=uscc, facts=shown[::-1], entries=entries,
        in_force=next((one for one in shown if one.today), None), holdings=found["holdings"][::-1],
        evidence=found["evidence"][::-1], most=FACTS_MOST, enters=enters(person),
        name=shown[-1].item["name"] if shown else "",
    )  # fmt: skip


@ROUTER.get("/registry/facilities/{code}")
async def get_facility(request: Request, queries: Shelf, facts: Facts, code: str) -> Response:
    """Show everything on record about a facility."""
    person = await admitted(request, queries, REGISTRY)
    found = await facts.facility(code) if len(code) <= LONGEST else []
    entries = await facts.entries("proposed", code, 0, WAITING_MOST) if len(code) <= LONGEST else []
    if not found and not entries:
        raise missing(phrase("智算中心"), person)
    shown = shown_facts(found, today())
    return page(
        "registry_facility", **frame(request, person, REGISTRY), **WORDS, code=code, facts=shown[::-1],
        entries=[one for one in entries if one["kind"] == "facilities"], enters=enters(person),
        name=shown[-1].item["name"] if shown else "", most=FACTS_MOST,
        in_force=next((one for one in shown if one.today), None),
    )  # fmt: skip


def enters(person: Person) -> bool:
    """Return whether somebody enters and confirms facts."""
    return ENTRY_SCOPE in person.scopes and person.city is None


def today() -> int:
    """Return the number of this day in Shanghai."""
    return day_number(now().astimezone(SHANGHAI).date())
