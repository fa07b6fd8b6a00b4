"""Bank accounts: what the registry was told of, and the approval of somebody else, with proof."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from api.actions.accounts import ACCOUNT_SCOPE, WORDS
from api.auth.people import PROOF_MINUTES, Person
from api.clock import now
from api.console.answer import page, to
from api.console.language.text import phrase
from api.console.pages.decision import NOTE_MAX
from api.console.pages.settlements import frame
from api.console.queries import Queries, Record, queries_of
from api.console.reauthentication import FAILED, proven
from api.console.sessions import ACCOUNTS, HOME, ConsoleRoute, admitted, check_session_form, form_of, missing, refusal
from api.console.template import ACCOUNT
from api.console.wording.refusals import because
from api.http.problem import Problem
from settlement.review.states import hand_of

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
A_PAGE = 50
Number = Annotated[int, Path(gt=0, lt=2**63)]
Mark = Annotated[int, Query(ge=0, lt=2**63)]


@ROUTER.get("/accounts")
async def get_accounts(request: Request, queries: Shelf, status: str = "", uscc: str = "", after: Mark = 0) -> Response:
    """Show proposed accounts, by what became of them and by entity."""
    person = await admitted(request, queries, ACCOUNTS)
    if (status and status not in ACCOUNT) or "\0" in uscc or len(uscc) > 18:
        raise refusal(400, phrase("筛选条件有误"), phrase("请从页面上的筛选框选择。"), person)
    return await _list(request, queries, person, status, uscc, after)


async def _list(
    request: Request, queries: Queries, person: Person, status: str = "", uscc: str = "", after: int = 0,
    *, said: str = "", error: str = "",
) -> Response:  # fmt: skip
    found = await queries.accounts(status or None, uscc or None, after, A_PAGE + 1)
    chosen = {name: value for name, value in (("status", status), ("uscc", uscc)) if value}
    decides = ACCOUNT_SCOPE in person.scopes and person.city is None
    together = [
        one["id"]
        for one in found[:A_PAGE]
        if decides and one["status"] == "proposed" and not one["holder_differs"]
        and hand_of(one["proposed_by"]) != hand_of(person.actor)
    ]  # fmt: skip
    return page(
        "accounts", 400 if error else 200, **frame(request, person, ACCOUNTS), items=found[:A_PAGE], status=status,
        uscc=uscc, first=not after, said=said, error=error, together=together if status == "proposed" else [],
        prove=not person.may_decide(now()), minutes=PROOF_MINUTES, chosen=urlencode(chosen),
        following=urlencode({**chosen, "after": found[A_PAGE - 1]["id"]}) if len(found) > A_PAGE else "",
    )  # fmt: skip


@ROUTER.get("/accounts/{number}")
async def get_account(request: Request, queries: Shelf, number: Number) -> Response:
    """Show one proposed account."""
    person = await admitted(request, queries, ACCOUNTS)
    return _page(request, person, await _account(queries, number, person))


@ROUTER.post("/accounts/approve")
async def post_page(request: Request, queries: Shelf) -> Response:
    """Approve what a page of proposals showed, each as on its own page; where one is refused, the first reason."""
    person = await admitted(request, queries, ACCOUNTS)
    given = await form_of(request)
    session = check_session_form(request, given.get("token"))
    if ACCOUNT_SCOPE not in person.scopes:
        raise refusal(403, phrase("没有权限"), phrase("您的角色不能办理这一事项。"), person)
    shown = await proven(queries, session, person, given)
    if shown is None:
        return await _list(
            request, queries, await queries.whose(session) or person, status="proposed", error=phrase(FAILED)
        )
    numbers = [int(one) for one in given.get("numbers", "").split(",") if one.isascii() and one.isdigit()][:A_PAGE]
    refused: list[str] = []
    for number in numbers:
        try:
            await queries.decide_account(shown, number, "approve", {})
        except Problem as problem:
            refused.append(phrase("账户 {number}：{code}", number=number, code=because(problem.code)))
    said = phrase("已批准 {numbers} 个账户。", numbers=len(numbers) - len(refused))
    return await _list(request, queries, shown, status="proposed", said=said, error="".join(refused[:1]))


@ROUTER.post("/accounts/{number}/{word}")
async def post_account(request: Request, queries: Shelf, number: Number, word: str) -> Response:
    """Approve or reject. What is refused comes back as the same page with the reason."""
    person = await admitted(request, queries, ACCOUNTS)
    given = await form_of(request)
    session = check_session_form(request, given.get("token"))
    item = await _account(queries, number, person)
    if word not in WORDS:
        raise missing(phrase("事项"), person)
    if ACCOUNT_SCOPE not in person.scopes:
        raise refusal(403, phrase("没有权限"), phrase("您的角色不能办理这一事项。"), person)
    shown = await proven(queries, session, person, given)
    if shown is None:
        return _page(request, await queries.whose(session) or person, item, phrase(FAILED), 403)
    note = given.get("note", "").strip()
    said: dict[str, Any] = {"note": note} if note else {}
    if word == "approve" and given.get("confirm_holder"):
        said["confirm_holder"] = True
    try:
        if len(note) > NOTE_MAX:
            raise Problem(400, "out_of_range", f"a note has at most {NOTE_MAX} characters")
        await queries.decide_account(shown, number, word, said)
    except Problem as problem:
        return _page(request, shown, item, because(problem.code), problem.status)
    return to(f"{HOME}/accounts/{number}")


async def _account(queries: Queries, number: int, person: Person) -> Record:
    found = await queries.accounts(None, None, number - 1, 1)
    if not found or found[0]["id"] != number:
        raise missing(phrase("账户"), person)
    return found[0]


def _page(request: Request, person: Person, item: Record, error: str = "", status: int = 200) -> Response:
    decides = item["status"] == "proposed" and ACCOUNT_SCOPE in person.scopes and person.city is None
    own = hand_of(item["proposed_by"]) == hand_of(person.actor)
    return page(
        "account", status, **frame(request, person, ACCOUNTS), item=item, error=error, decides=decides and not own,
        own=decides and own, prove=not person.may_decide(now()), minutes=PROOF_MINUTES, note_max=NOTE_MAX,
    )  # fmt: skip
