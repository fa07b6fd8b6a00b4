"""API keys, kept by an administrator: which there are, made with a secret that is shown once, revoked for ever."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response

from api.auth.keys import NewKey
from api.auth.people import PROOF_MINUTES, Person
from api.auth.roles import SCOPES
from api.clock import now
from api.console.administration_queries import Administration, Record, administration_of
from api.console.answer import page, to
from api.console.language.text import later, phrase
from api.console.pages.settlements import frame
from api.console.queries import Queries, queries_of
from api.console.reauthentication import FAILED, proven
from api.console.sessions import HOME, KEYS, ConsoleRoute, admitted, check_session_form, form_of, missing
from api.console.terms import newest_round
from api.console.wording.refusals import because
from api.console.wording.scopes import SCOPE
from api.console.wording.vocabulary import told_round
from api.http.problem import Problem

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
Hands = Annotated[Administration, Depends(administration_of)]
FIELDS_MOST: Final = 24
DAYS_MOST: Final = 3650
UNFIT: Final = later("没有办成：名称、来源或有效天数不合规，或者没有选择权限。")


@ROUTER.get("/keys")
async def get_keys(request: Request, queries: Shelf, hands: Hands) -> Response:
    """List the keys, the newest first; of none its secret."""
    person = await admitted(request, queries, KEYS)
    return page(
        "keys", **frame(request, person, KEYS), items=[_shown(one) for one in await hands.all_keys()], SCOPE=SCOPE
    )


@ROUTER.get("/keys/new")
async def get_new(request: Request, queries: Shelf) -> Response:
    """Show the form for another key."""
    return _new(request, queries, await admitted(request, queries, KEYS), {})


@ROUTER.post("/keys/new")
async def post_new(request: Request, queries: Shelf, hands: Hands) -> Response:
    """Make a key, with proof; it is shown this once."""
    person = await admitted(request, queries, KEYS)
    given = await form_of(request, FIELDS_MOST)
    session = check_session_form(request, given.get("token"))
    shown = await proven(queries, session, person, given)
    if shown is None:
        return _new(request, queries, await queries.whose(session) or person, given, phrase(FAILED), 403)
    try:
        made = await hands.make_key(_wanted(given))
    except ValueError:
        return _new(request, queries, shown, given, phrase(UNFIT), 400)
    except Problem as problem:
        return _new(request, queries, shown, given, because(problem.code), problem.status)
    return page("key_made", **frame(request, shown, KEYS), name=given["name"].strip(), key=made)


@ROUTER.get("/keys/{prefix}")
async def get_key(request: Request, queries: Shelf, hands: Hands, prefix: str) -> Response:
    """Show one key, and how to revoke it."""
    person = await admitted(request, queries, KEYS)
    return _one(request, person, await _called(hands, prefix, person))


@ROUTER.post("/keys/{prefix}/revoke")
async def post_revoke(request: Request, queries: Shelf, hands: Hands, prefix: str) -> Response:
    """Revoke a key for ever, with proof."""
    person = await admitted(request, queries, KEYS)
    given = await form_of(request)
    session = check_session_form(request, given.get("token"))
    one = await _called(hands, prefix, person)
    shown = await proven(queries, session, person, given)
    if shown is None:
        return _one(request, await queries.whose(session) or person, one, phrase(FAILED), 403)
    try:
        await hands.revoke_key(prefix)
    except Problem as problem:
        return _one(request, shown, one, because(problem.code), problem.status)
    return to(f"{HOME}/keys/{prefix}")


def _wanted(given: dict[str, str]) -> NewKey:
    """Return the key that a form asks for. Raises ValueError."""
    scopes = [scope for scope in SCOPES if given.get(f"scope-{scope}")]
    days = given.get("days", "").strip()
    until: datetime | None = None
    if days:
        if not (days.isascii() and days.isdigit() and 0 < int(days[:6]) <= DAYS_MOST):
            raise ValueError("the days are no whole number above 0")
        until = now() + timedelta(days=int(days))
    return NewKey(
        given.get("name", "").strip(), scopes, source=given.get("source", "").strip() or None,
        city=given.get("city") or None, expires_at=until, signed=bool(given.get("signed")),
    )  # fmt: skip


def _shown(one: Record) -> Record:
    expired = one["expires_at"] is not None and one["expires_at"] <= now()
    state = "revoked" if one["revoked_at"] else "expired" if expired else "live"
    moments = {
        name: one[name].isoformat() if one[name] else None for name in ("created_at", "expires_at", "revoked_at")
    }
    return {**one, **moments, "state": state}


async def _called(hands: Administration, prefix: str, person: Person) -> Record:
    found = next((one for one in await hands.all_keys() if one["prefix"] == prefix), None)
    if found is None:
        raise missing(phrase("密钥"), person)
    return _shown(found)


def _one(request: Request, person: Person, one: Record, error: str = "", status: int = 200) -> Response:
    return page(
        "key", status, **frame(request, person, KEYS), one=one, error=error, SCOPE=SCOPE,
        prove=not person.may_decide(now()), minutes=PROOF_MINUTES,
    )  # fmt: skip


def _new(
    request: Request, queries: Queries, person: Person, typed: dict[str, Any], error: str = "", status: int = 200
) -> Response:
    rounds = queries.rounds()
    return page(
        "key_new", status, **frame(request, person, KEYS), typed=typed, error=error, SCOPE=SCOPE,
        cities=told_round(rounds[newest_round(rounds)]).cities, prove=not person.may_decide(now()),
        minutes=PROOF_MINUTES,
    )  # fmt: skip
