"""One's own second factor: another authenticator, taken over when its first code is right; all sessions then end."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from api.auth.people import Person
from api.auth.second_factor import new_second_factor, sealed, uri_of_sealed
from api.clock import now
from api.console.administration_queries import Administration, administration_of
from api.console.answer import page, to
from api.console.drawing.receipt_code import receipt_code
from api.console.language.text import later, phrase
from api.console.pages.settlements import frame
from api.console.queries import Queries, queries_of
from api.console.reauthentication import FAILED, proven
from api.console.sessions import LOGIN, ConsoleRoute, check_session_form, end_session, form_of, logged_in
from meter.database.seal import CannotUnseal

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
Hands = Annotated[Administration, Depends(administration_of)]
WRONG: Final = later("新的动态口令不正确：请确认验证器已经扫描上面的二维码，输入它现在显示的六位数字。")


@ROUTER.get("/second-factor")
async def get_second_factor(request: Request, queries: Shelf) -> Response:
    """Ask for password and code before another second factor is shown."""
    return _page(request, await logged_in(request, queries))


@ROUTER.post("/second-factor")
async def post_second_factor(request: Request, queries: Shelf, hands: Hands) -> Response:
    """Show a new second factor to who has proven himself; take it over when its code comes back."""
    person = await logged_in(request, queries)
    given = await form_of(request)
    session = check_session_form(request, given.get("token"))
    shown = await proven(queries, session, person, given)
    if shown is None:
        return _page(request, await queries.whose(session) or person, error=phrase(FAILED), status=403)
    kept = given.get("kept", "")
    if not kept:
        secret, _ = new_second_factor(person.name)
        return _page(request, shown, kept=sealed(secret, person.name, None))
    if not await hands.change_second_factor(session, kept, given.get("new_code", "").strip()):
        return _page(request, await queries.whose(session) or shown, kept=kept, error=phrase(WRONG), status=403)
    response = to(LOGIN)
    end_session(request, response)
    return response


def _page(request: Request, person: Person, *, kept: str = "", error: str = "", status: int = 200) -> Response:
    """Show the form; `kept` is the new secret, sealed: nobody else can make one of his own stand in the form."""
    try:
        uri = uri_of_sealed(kept, person.name) if kept else ""
    except CannotUnseal:
        kept, uri = "", ""
    return page(
        "second_factor", status, **frame(request, person, ""), kept=kept, uri=uri, error=error,
        code=receipt_code(uri) if uri else "", prove=not person.may_decide(now()),
    )  # fmt: skip
