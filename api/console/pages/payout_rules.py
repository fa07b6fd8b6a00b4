"""The rule of payout runs: what a run and a payee in it may come to; one hand proposes it, another confirms it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Request, Response

from api.actions.payout_runs import SCOPES_OF
from api.auth.people import PROOF_MINUTES, Person
from api.clock import now
from api.console.answer import page, to
from api.console.desk import Desk, desk_of
from api.console.language.text import later, phrase, words
from api.console.pages.decision import NOTE_MAX
from api.console.pages.settlements import frame
from api.console.queries import Queries, queries_of
from api.console.reauthentication import FAILED, proven
from api.console.sessions import DESK, HOME, ConsoleRoute, admitted, check_session_form, form_of, missing, refusal
from api.console.wording.refusals import because
from api.http.problem import Problem
from settlement.report.money import fen_of
from settlement.review.states import hand_of

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
OnDesk = Annotated[Desk, Depends(desk_of)]
Number = Annotated[int, Path(gt=0, lt=2**63)]
HERE = f"{HOME}/payout-rules"
LIMITS = ("run_limit", "payee_limit")
NO_LIMIT = later("限额填写大于 0 的金额（元），最多两位小数；不设限额则留空。")
BECAUSE: Final[Mapping[str, str]] = words(
    {
        "SAME_PERSON": "您提出的限额须由另一人确认。",
        "NOT_AN_APPROVER": "限额须由审批人员确认。",
        "ALREADY_DECIDED": "这一限额已经确认过。",
        "NO_SUCH_RULE": "没有这一项限额。",
    }
)


@ROUTER.get("/payout-rules")
async def get_rules(request: Request, queries: Shelf, desk: OnDesk) -> Response:
    """The rule in force, what is proposed, and the forms for both hands."""
    person = await admitted(request, queries, DESK)
    return await _page(request, desk, person)


@ROUTER.post("/payout-rules")
async def post_rule(request: Request, queries: Shelf, desk: OnDesk) -> Response:
    """Propose a rule; a limit that is left empty is none."""
    person = await admitted(request, queries, DESK)
    given = await form_of(request)
    check_session_form(request, given.get("token"))
    _allowed(person, "propose_rule")
    said: dict[str, Any] = {"leases": given.get("leases", "own"), "note": given.get("note", "").strip() or None}
    for name in LIMITS:
        text = given.get(name, "").strip()
        said[f"{name}_fen"] = fen_of(text) if text else None
        if text and not said[f"{name}_fen"]:
            return await _page(request, desk, person, phrase(NO_LIMIT), 400)
    try:
        await desk.propose_rule(person, said)
    except Problem as problem:
        return await _page(request, desk, person, BECAUSE.get(problem.code) or because(problem.code), problem.status)
    return to(HERE)


@ROUTER.post("/payout-rules/{number}/{word}")
async def post_confirmation(request: Request, queries: Shelf, desk: OnDesk, number: Number, word: str) -> Response:
    """Put a proposed rule in force, with proof of who does."""
    person = await admitted(request, queries, DESK)
    given = await form_of(request)
    session = check_session_form(request, given.get("token"))
    if word != "confirm":
        raise missing(phrase("事项"), person)
    _allowed(person, word)
    shown = await proven(queries, session, person, given)
    if shown is None:
        return await _page(request, desk, await queries.whose(session) or person, phrase(FAILED), 403)
    try:
        await desk.confirm_rule(shown, number, given.get("note", "").strip() or None)
    except Problem as problem:
        return await _page(request, desk, shown, BECAUSE.get(problem.code) or because(problem.code), problem.status)
    return to(HERE)


def _allowed(person: Person, word: str) -> None:
    if not person.scopes & set(SCOPES_OF[word]) or person.city is not None:
        raise refusal(403, phrase("没有权限"), phrase("您的角色不能办理这一事项。"), person)


async def _page(request: Request, desk: Desk, person: Person, error: str = "", status: int = 200) -> Response:
    rules = await desk.rules()
    waiting = [one for one in rules if one["confirmed_by"] is None]
    province = person.city is None
    confirms = province and bool(person.scopes & set(SCOPES_OF["confirm"]))
    return page(
        "payout_rules", status, **frame(request, person, DESK), error=error, waiting=waiting,
        confirmed=[one for one in rules if one["confirmed_by"] is not None],
        rule=next((one for one in rules if one["in_force"]), None),
        mine={one["id"] for one in waiting if hand_of(one["proposed_by"]) == hand_of(person.actor)},
        proposes=province and bool(person.scopes & set(SCOPES_OF["propose_rule"])), confirms=confirms,
        prove=not person.may_decide(now()), minutes=PROOF_MINUTES, note_max=NOTE_MAX,
    )  # fmt: skip
