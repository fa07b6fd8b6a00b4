"""Who may see a page: sessions in a cookie, tokens against forged forms, what each role sees, and how refusals look."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl, quote

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.auth.people import Person
from api.auth.sessions import SESSION_HOURS
from api.console.address import here_of
from api.console.address import local_path as local_path
from api.console.answer import over_https, page, secured, to
from api.console.language.reader import LANGUAGE_COOKIE, read_in
from api.console.language.text import later, phrase, words
from api.console.queries import Queries
from api.console.sections import ACCOUNTS as ACCOUNTS
from api.console.sections import AUDIT as AUDIT
from api.console.sections import CHECKS as CHECKS
from api.console.sections import CLAWBACKS as CLAWBACKS
from api.console.sections import COMPANY as COMPANY
from api.console.sections import DESK as DESK
from api.console.sections import HELD as HELD
from api.console.sections import HOME as HOME
from api.console.sections import KEYS as KEYS
from api.console.sections import MONEY as MONEY
from api.console.sections import PAYOUTS as PAYOUTS
from api.console.sections import PEOPLE as PEOPLE
from api.console.sections import QUARANTINE as QUARANTINE
from api.console.sections import ROUNDS as ROUNDS
from api.console.sections import sections as sections
from api.console.sections import shut_to
from api.http.body_budget import body_budget_of
from api.http.problem import Problem
from api.http.request_log import request_id
from api.http.text import all_holdable, path_is_holdable, rest_is_holdable
from meter.database.errors import UNREACHABLE, JournalUnavailable

LOG = structlog.get_logger("suanbu")
LOGIN = "/console/login"
SESSION_COOKIE = "suanbu_session"
FORM_COOKIE = "suanbu_form"  # holds the token of the login form, before there is a session
FORM_BYTES = 8 * 1024
FORM_FIELDS = 10
NETWORK_BITS = 64  # of an IPv6 address: what one client has
AT_THE_DOOR = words(
    {
        408: ("提交超时", "表单没有按时传完，请重新提交。"),
        413: ("提交有误", "提交的内容过长。"),
        429: ("登录的人太多", "正在核对的密码太多，请过几秒再试。"),
        503: ("暂时繁忙", "请求太多，请稍后再试。"),
    }
)
"""What is refused before a page decides, in Chinese."""
MISTAKE = later("这一页没有生成成功，已经记录在日志里。请把下面的编号告诉运行人员；没有办理的事项不会生效。")
WRONG_ADDRESS = words(("地址有误", "地址中的参数不合规，请从页面上的链接进入。"))

STRAY = words(
    {
        404: ("没有找到", "没有这样的页面。"),
        405: ("不能这样打开", "请从页面上的链接或按钮进入。"),
    }
)


class PageRefused(Exception):
    """The page is not shown: this answer is sent in its place."""

    def __init__(self, answer: Response) -> None:
        super().__init__("turned away")
        self.answer = answer


class Refusal(PageRefused):
    """A page that says why another one is not shown."""

    def __init__(self, status: int, title: str, text: str) -> None:
        super().__init__(Response(status_code=status))
        self.title = title
        self.text = text

    def page(self, request: Request) -> Response:
        """Make the page, with the name of who is logged in and the way out, as far as this request knows them."""
        person: Person | None = getattr(request.state, "person", None)
        known = {"form_token": session_form_token(cookie_of(request, SESSION_COOKIE) or "")} if person else {}
        return page(
            "refusal", self.answer.status_code, title=self.title, text=self.text, person=person, number=request_id(),
            sections=sections(person), **known,
        )  # fmt: skip


def refusal(status: int, title: str, text: str, person: Person | None = None) -> Refusal:
    """Return a refusal as a page."""
    assert person is None or person.name
    return Refusal(status, title, text)


def stray(request: Request, status: int) -> Response:
    """Return the page for an address below /console that there is not, or that does not take this method."""
    with read_in(cookie_of(request, LANGUAGE_COOKIE), here_of(request)):
        return secured(request, refusal(status, *STRAY.get(status, WRONG_ADDRESS)).page(request))


def missing(what: str, person: Person | None = None) -> Refusal:
    """Return 404: there is no such thing (or it is not for this person to know)."""
    return refusal(404, phrase("没有找到"), phrase("没有这样的{what}。", what=what), person)


class ConsoleRoute(APIRoute):
    """A route whose every answer, refusals included, is a page with the console's headers."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            with read_in(cookie_of(request, LANGUAGE_COOKIE), here_of(request)):
                return await answered(request)

        async def answered(request: Request) -> Response:
            try:
                if not path_is_holdable(request.scope):
                    raise missing(phrase("页面"))
                if not rest_is_holdable(request.scope):
                    raise refusal(400, *WRONG_ADDRESS)
                response = await handler(request)
            except PageRefused as turned:
                response = turned.page(request) if isinstance(turned, Refusal) else turned.answer
            except (HTTPException, ClientDisconnect):
                raise
            except Exception as error:
                response = _error_page(request, error)
            return secured(request, response)

        return guarded


def _error_page(request: Request, error: Exception) -> Response:
    """Return a page in the reader's language for what no page expected. Raises a Problem that is not for people."""
    headers: dict[str, str] = {}
    if isinstance(error, Problem):
        if error.status not in AT_THE_DOOR:
            raise error
        found = refusal(error.status, *AT_THE_DOOR[error.status]).page(request)
        headers = {**error.headers, **({"Retry-After": "1"} if error.status in (429, 503) else {})}
    elif isinstance(error, RequestValidationError):
        found = refusal(400, *WRONG_ADDRESS).page(request)
    elif isinstance(error, (JournalUnavailable, *UNREACHABLE)):
        found = refusal(503, phrase("暂时无法连接数据库"), phrase("请稍后再试；数据没有丢失。")).page(request)
        headers = {"Retry-After": "5"}
    else:
        number = request_id()
        LOG.exception("a page could not be made", path=request.url.path, number=number, exc_info=error)
        found = refusal(500, phrase("系统出错"), phrase(MISTAKE)).page(request)
    for name, value in headers.items():
        found.headers.setdefault(name, value)
    return found


async def logged_in(request: Request, queries: Queries) -> Person:
    """Return who is logged in. Raises PageRefused: to the login."""
    person = await queries.whose(cookie_of(request, SESSION_COOKIE))
    if person is None:
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        raise PageRefused(to(f"{LOGIN}?next={quote(here, safe='')}"))
    request.state.person = person
    if shut_to(person, request.url.path):
        raise refusal(403, phrase("没有权限"), phrase("您的角色不能查看这一页。"), person)
    return person


async def admitted(request: Request, queries: Queries, section: str) -> Person:
    """Return who is logged in and sees this section. Raises PageRefused: to the login, or 403."""
    person = await logged_in(request, queries)
    if section not in sections(person):
        raise refusal(403, phrase("没有权限"), phrase("您的角色不能查看这一页。"), person)
    return person


async def form_of(request: Request, fields_most: int = FORM_FIELDS) -> dict[str, str]:
    """Return the fields of a small form. Raises PageRefused 413/415/400/408/503.

    A field that is given twice is refused.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise refusal(415, phrase("提交有误"), phrase("请从页面上的表单提交。"))
    try:
        async with body_budget_of(request).body(request, FORM_BYTES) as body:
            pairs = parse_qsl(
                body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=fields_most
            )
    except ValueError:
        raise refusal(400, phrase("提交有误"), phrase("表单内容无法读取。")) from None
    fields = dict(pairs)
    if not all_holdable(fields):
        raise refusal(400, phrase("提交有误"), phrase("填写的内容超出范围：含有无法保存的字符。"))
    if len(fields) != len(pairs):
        raise refusal(400, phrase("提交有误"), phrase("表单内容重复。"))
    return fields


def new_form_token() -> str:
    """Return a token for a form that is shown before there is a session."""
    return secrets.token_urlsafe(24)


def session_form_token(session: str) -> str:
    """Return the token of forms inside a session: follows from the session, and tells nobody the session."""
    return hmac.new(session.encode(), b"console form", hashlib.sha256).hexdigest()


def check_form(given: str | None, expected: str | None) -> None:
    """Raise PageRefused 403 unless the form carries the token it was shown with."""
    if not given or not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        raise refusal(403, phrase("表单已失效"), phrase("请返回页面，刷新后重新提交。"))


def check_session_form(request: Request, given: str | None) -> str:
    """Return the session whose page the form stood in. Raises PageRefused 403 for any other form."""
    session = cookie_of(request, SESSION_COOKIE)
    check_form(given, session_form_token(session) if session else None)
    assert session is not None, "a form without a session was let through"
    return session


def client_of(request: Request) -> str:
    """Return where a request comes from: the connection's address, or what a trusted proxy said.

    Of IPv6 the network.
    """
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host[:64]
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped or ipaddress.ip_network((address, NETWORK_BITS), strict=False))
    return str(address)


def cookie_of(request: Request, name: str) -> str | None:
    """Return a cookie of ours; over https only one that no other host and no plain page can have set."""
    return request.cookies.get(_cookie_name(request, name))


def _cookie_name(request: Request, name: str) -> str:
    return f"__Host-{name}" if over_https(request) else name


def _cookie_path(request: Request, path: str) -> str:
    return "/" if over_https(request) else path  # what the prefix asks for


def set_cookie(request: Request, response: Response, name: str, value: str, path: str, hours: int) -> None:
    """Set a cookie that scripts cannot read and other sites cannot send.

    Over https only there, and of this host alone.
    """
    response.set_cookie(
        _cookie_name(request, name), value, max_age=hours * 3600, path=_cookie_path(request, path),
        secure=over_https(request), httponly=True, samesite="strict",
    )  # fmt: skip


def drop_cookie(request: Request, response: Response, name: str, path: str) -> None:
    """Take a cookie back."""
    response.delete_cookie(
        _cookie_name(request, name), path=_cookie_path(request, path), secure=over_https(request), httponly=True,
        samesite="strict",
    )  # fmt: skip


def start_session(request: Request, response: Response, token: str) -> None:
    """Hand the session to the browser, and take the login form's token back."""
    set_cookie(request, response, SESSION_COOKIE, token, HOME, SESSION_HOURS)
    drop_cookie(request, response, FORM_COOKIE, LOGIN)


def end_session(request: Request, response: Response) -> None:
    """Take the session's cookie back from the browser."""
    drop_cookie(request, response, SESSION_COOKIE, HOME)
