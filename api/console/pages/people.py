"""People, kept by an administrator: who there is and came when, made with what is shown once, changed and shut out."""

from __future__ import annotations

from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response

from api.auth.administration.people import Secrets
from api.auth.people import PROOF_MINUTES, Person
from api.auth.roles import COMPANY, ROLES
from api.clock import now
from api.console.administration_queries import Administration, Record, administration_of
from api.console.answer import page, to
from api.console.drawing.receipt_code import receipt_code
from api.console.language.text import later, phrase, words
from api.console.pages.settlements import frame
from api.console.queries import Queries, queries_of
from api.console.reauthentication import FAILED, proven
from api.console.sessions import HOME, PEOPLE, ConsoleRoute, admitted, check_session_form, form_of, missing
from api.console.terms import newest_round
from api.console.wording.refusals import because
from api.console.wording.roles import ROLE
from api.console.wording.vocabulary import told_round
from api.http.problem import Problem
from api.settings import NEEDED

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
Hands = Annotated[Administration, Depends(administration_of)]
SHOWN_MOST: Final = 200
NAME_MOST: Final = 64
WORDS: Final = words({
    "disable": "停用", "enable": "启用", "unlock": "解除登录锁定", "password": "重置密码",
    "second_factor": "重置第二因素",
})  # fmt: skip
DONE: Final = words({"disable": "已停用，已登录的会话随即失效。", "enable": "已启用。", "unlock": "已解除登录锁定。"})
OWN: Final = later("不能停用自己：请由另一位管理员办理。")
TAKEN: Final = later("没有办成：已有同名的人员，或者填写的内容不合规。")


@ROUTER.get("/people")
async def get_people(request: Request, queries: Shelf, hands: Hands, q: str = "", role: str = "") -> Response:
    """List the people by name, role and what they act for."""
    person = await admitted(request, queries, PEOPLE)
    found = [one for one in await hands.all_people() if (not role or one["role"] == role) and _about(one, q)]
    return page(
        "people", **frame(request, person, PEOPLE), items=found[:SHOWN_MOST], count=len(found), q=q[:NAME_MOST],
        role=role if role in ROLES else "", needed=NEEDED, address=_address,
    )  # fmt: skip


@ROUTER.get("/people/one")
async def get_person(request: Request, queries: Shelf, hands: Hands, name: str = "", done: str = "") -> Response:
    """Show one person and what can be done."""
    person = await admitted(request, queries, PEOPLE)
    return _one(request, person, await _called(hands, name, person), done=DONE.get(done, ""))


@ROUTER.get("/people/new")
async def get_new(request: Request, queries: Shelf) -> Response:
    """Show the form for another person."""
    return _new(request, queries, await admitted(request, queries, PEOPLE), {})


@ROUTER.post("/people/new")
async def post_new(request: Request, queries: Shelf, hands: Hands) -> Response:
    """Make a person, with proof; password and second factor are shown this once."""
    person = await admitted(request, queries, PEOPLE)
    given = await form_of(request)
    session = check_session_form(request, given.get("token"))
    wanted = {name: given.get(name, "").strip() for name in ("name", "role", "city", "uscc")}
    shown = await proven(queries, session, person, given)
    if shown is None:
        return _new(request, queries, await queries.whose(session) or person, wanted, phrase(FAILED), 403)
    if why := _unfit(wanted):
        return _new(request, queries, shown, wanted, why, 400)
    try:
        secrets = await hands.make_person(wanted)
    except ValueError:
        return _new(request, queries, shown, wanted, phrase(TAKEN), 400)
    except Problem as problem:
        return _new(request, queries, shown, wanted, because(problem.code), problem.status)
    return secrets_page(request, shown, wanted["name"], secrets, phrase("已新建"))


@ROUTER.post("/people/{word}")
async def post_word(request: Request, queries: Shelf, hands: Hands, word: str) -> Response:
    """Shut out, let in, unlock or reset, with proof."""
    person = await admitted(request, queries, PEOPLE)
    given = await form_of(request)
    session = check_session_form(request, given.get("token"))
    one = await _called(hands, given.get("name", ""), person)
    if word not in WORDS:
        raise missing(phrase("事项"), person)
    shown = await proven(queries, session, person, given)
    if shown is None:
        return _one(request, await queries.whose(session) or person, one, error=phrase(FAILED), status=403)
    if word == "disable" and one["name"] == person.name:
        return _one(request, shown, one, error=phrase(OWN), status=409)
    try:
        if word in DONE:
            await hands.note(one["name"], word)
            return to(f"{HOME}/people/one?{urlencode({'name': one['name'], 'done': word})}")
        secrets = await hands.give(one["name"], word)
    except Problem as problem:
        return _one(request, shown, one, error=because(problem.code), status=problem.status)
    if secrets is None:
        raise missing(phrase("人员"), person)
    return secrets_page(request, shown, one["name"], secrets, phrase("已{word}", word=WORDS[word]))


def secrets_page(request: Request, person: Person, name: str, secrets: Secrets, did: str) -> Response:
    """Show what is shown once: a password, and the code that an authenticator reads."""
    return page(
        "secrets", **frame(request, person, PEOPLE), name=name, did=did, secrets=secrets,
        code=receipt_code(secrets.uri) if secrets.uri else "", address=_address,
    )  # fmt: skip


def _address(name: str) -> str:
    return f"{HOME}/people/one?{urlencode({'name': name})}"


def _about(one: Record, q: str) -> bool:
    return not q or any(q.casefold() in str(one[name] or "").casefold() for name in ("name", "uscc", "city"))


def _unfit(wanted: dict[str, str]) -> str:
    """Return what is wrong with a form in Chinese, or ""; what is left the database and `check_person` say."""
    if not 1 <= len(wanted["name"]) <= NAME_MOST or not wanted["name"].isprintable():
        return phrase("用户名须为 1 至 {NAME_MOST} 个可见字符。", NAME_MOST=NAME_MOST)
    if wanted["role"] not in ROLES:
        return phrase("请选择角色。")
    if (wanted["role"] == COMPANY) != bool(wanted["uscc"]):
        return phrase("用能单位须填写统一社会信用代码，其他角色不填。")
    if wanted["city"] and wanted["role"] != "reviewer":
        return phrase("只有复核人员可以限定到市。")
    return ""


async def _called(hands: Administration, name: str, person: Person) -> Record:
    found = next((one for one in await hands.all_people() if one["name"] == name), None)
    if found is None:
        raise missing(phrase("人员"), person)
    return found


def _one(
    request: Request, person: Person, one: Record, *, done: str = "", error: str = "", status: int = 200
) -> Response:
    return page(
        "person", status, **frame(request, person, PEOPLE), one=one, words=WORDS, done=done, error=error,
        prove=not person.may_decide(now()), minutes=PROOF_MINUTES,
    )  # fmt: skip


def _new(
    request: Request, queries: Queries, person: Person, typed: dict[str, str], error: str = "", status: int = 200
) -> Response:
    rounds = queries.rounds()
    values: dict[str, Any] = {name: typed.get(name, "") for name in ("name", "role", "city", "uscc")}
    return page(
        "person_new", status, **frame(request, person, PEOPLE), typed=values, error=error,
        roles=[(role, ROLE[role]) for role in ROLES], cities=told_round(rounds[newest_round(rounds)]).cities,
        prove=not person.may_decide(now()), minutes=PROOF_MINUTES,
    )  # fmt: skip
