"""One's own password: changed by showing the old one and a code; afterwards everybody of this name logs in anew."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.auth.passwords import PASSWORD_CHARACTERS
from api.auth.people import Person
from api.console.answer import page, to
from api.console.language.text import words
from api.console.pages.settlements import frame
from api.console.queries import Queries, queries_of
from api.console.sessions import LOGIN, ConsoleRoute, check_session_form, end_session, form_of, logged_in

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
WHY = words(
    {
        "length": "新密码须为 {least} 至 {most} 个字符。",
        "name": "新密码不能包含用户名。",
        "common": "新密码过于常见（末尾的数字不算），请另选一个。",
        "same": "新密码与原密码相同。",
        "different": "两次输入的新密码不一致。",
        "wrong": "原密码或动态口令不正确（口令用过一次后请等下一个；连续多次错误会暂时锁定）。",
    }
)


@ROUTER.get("/password")
async def get_password(request: Request, queries: Shelf) -> Response:
    """Show the form."""
    return _form(request, await logged_in(request, queries))


@ROUTER.post("/password")
async def post_password(request: Request, queries: Shelf) -> Response:
    """Change the password; every session of the person ends, this one too."""
    person = await logged_in(request, queries)
    given = await form_of(request)
    session = check_session_form(request, given.get("token"))
    different = given.get("new", "") != given.get("again", "")
    word = "different" if different else await queries.change_password(session, given)
    if word:
        return _form(request, person, word)
    response = to(LOGIN)
    end_session(request, response)
    return response


def _form(request: Request, person: Person, word: str = "") -> Response:
    status = 403 if word == "wrong" else 400 if word else 200
    least, most = PASSWORD_CHARACTERS
    return page(
        "password",
        status,
        **frame(request, person, ""),
        error=WHY[word].format(least=least, most=most) if word else "",
        shortest=least,
    )
