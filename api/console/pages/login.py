"""Logging in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.auth.sessions import IDLE_MINUTES, SESSION_HOURS
from api.console.answer import page, to
from api.console.language.text import phrase
from api.console.queries import Queries, queries_of
from api.console.sessions import (
    FORM_COOKIE,
    HOME,
    LOGIN,
    SESSION_COOKIE,
    ConsoleRoute,
    admitted,
    check_form,
    check_session_form,
    client_of,
    cookie_of,
    end_session,
    form_of,
    local_path,
    new_form_token,
    set_cookie,
    start_session,
)
from api.console.sessions import ROUNDS as ROUNDS_SECTION

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
FORM_HOURS = 1


@ROUTER.get("")
async def get_home(request: Request, queries: Shelf) -> Response:
    """Show the first section a person sees."""
    person = await admitted(request, queries, ROUNDS_SECTION)
    return to(f"{HOME}/overview" if person.uscc is None else f"{HOME}/company")


@ROUTER.get("/login")
async def get_login(request: Request) -> Response:
    """Show the login form, with a token that only this browser holds."""
    return _form(request, 200, request.query_params.get("next"), "")


@ROUTER.post("/login")
async def post_login(request: Request, queries: Shelf) -> Response:
    """Log in. A wrong name, password or code and a name that is locked out are told apart by nobody."""
    given = await form_of(request)
    check_form(given.get("token"), cookie_of(request, FORM_COOKIE))
    old = cookie_of(request, SESSION_COOKIE)
    session = await queries.log_in(
        given.get("name", ""), given.get("password", ""), given.get("code") or None, client_of(request)
    )
    if session is None:
        return _form(
            request,
            403,
            given.get("next"),
            phrase("用户名、密码或动态口令不正确；连续多次错误会暂时锁定。"),
            given.get("name", ""),
        )
    if old:
        await queries.log_out(old)  # the session a browser had before does not outlive the new one
    response = to(local_path(given.get("next")))
    start_session(request, response, session)
    return response


@ROUTER.post("/logout")
async def post_logout(request: Request, queries: Shelf) -> Response:
    """Log out: the session ends for everybody who holds its token."""
    given = await form_of(request)
    session = check_session_form(request, given.get("token"))
    await queries.log_out(session)
    response = to(LOGIN)
    end_session(request, response)
    return response


def _form(request: Request, status: int, wanted: str | None, error: str, name: str = "") -> Response:
    token = new_form_token()
    response = page(
        "login",
        status,
        token=token,
        next=local_path(wanted),
        error=error,
        name=name,
        person=None,
        hours=SESSION_HOURS,
        minutes=IDLE_MINUTES,
    )
    set_cookie(request, response, FORM_COOKIE, token, LOGIN, FORM_HOURS)
    return response
