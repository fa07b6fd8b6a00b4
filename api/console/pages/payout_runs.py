"""The payer's desk: runs and their release, sums by state and city, files of the bank."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from api.actions.payout_runs import SCOPES_OF
from api.auth.people import PROOF_MINUTES, Person
from api.clock import now
from api.console.answer import page, to
from api.console.desk import Desk, desk_of
from api.console.language.text import phrase
from api.console.pages.decision import NOTE_MAX
from api.console.pages.settlements import frame
from api.console.queries import Queries, queries_of
from api.console.reauthentication import FAILED, proven
from api.console.sessions import DESK, HOME, ConsoleRoute, admitted, check_session_form, form_of, missing, refusal
from api.console.upload import upload_of
from api.console.wording.refusals import because
from api.http.problem import Problem
from settlement.payout.batch_format import ENCODINGS
from settlement.rounds import load_rounds

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
OnDesk = Annotated[Desk, Depends(desk_of)]
Number = Annotated[int, Path(gt=0, lt=2**63)]
HERE = f"{HOME}/payout-runs"


@ROUTER.get("/payout-runs")
async def get_desk(request: Request, queries: Shelf, desk: OnDesk, settlement: str = "") -> Response:
    """What is to be released, what is under way, and what people have to look at."""
    person = await admitted(request, queries, DESK)
    return await _desk_page(request, desk, person, settlement)


@ROUTER.post("/payout-runs")
async def post_run(request: Request, queries: Shelf, desk: OnDesk) -> Response:
    """Propose a run of what of a settlement is ready, as the page asks: in parts where limits are in force."""
    person = await admitted(request, queries, DESK)
    given = await form_of(request)
    check_session_form(request, given.get("token"))
    try:
        note, in_parts = given.get("note", "").strip() or None, given.get("in_parts") == "yes"
        made = await desk.propose(person, given.get("settlement", ""), note, in_parts=in_parts)
    except Problem as problem:
        return await _desk_page(request, desk, person, "", because(problem.code), problem.status)
    return to(f"{HERE}/{made['id']}")


@ROUTER.post("/payout-runs/answers")
async def post_answers(request: Request, queries: Shelf, desk: OnDesk) -> Response:
    """Book a return file of the bank."""
    person = await admitted(request, queries, DESK)
    given, name, raw = await upload_of(request)
    check_session_form(request, given.get("token"))
    try:
        done = await desk.take_answers(person, name, raw, given.get("encoding", ENCODINGS[0]))
    except Problem as problem:
        return await _desk_page(request, desk, person, "", because(problem.code), problem.status)
    aside = sum("set aside" in str(one["status"]) or "disputed" in str(one["status"]) for one in done)
    said = phrase(
        "回执文件 {name}：{done} 笔有变化，{aside} 笔没有入账或有争议。", name=name, done=len(done) - aside, aside=aside
    )
    return await _desk_page(request, desk, person, "", said=said)


@ROUTER.get("/payout-runs/{number}")
async def get_run(request: Request, queries: Shelf, desk: OnDesk, number: Number) -> Response:
    """One run: what is in it, and its release."""
    person = await admitted(request, queries, DESK)
    return await _run_page(request, desk, person, number)


@ROUTER.get("/payout-runs/{number}/list.{kind}")
async def get_list(request: Request, queries: Shelf, desk: OnDesk, number: Number, kind: str) -> Response:
    """The payment list (支付清单), accounts in plain; whoever takes it is in the audit log."""
    person = await admitted(request, queries, DESK)
    try:
        body, media_type = await desk.payment_list(person, number, kind)
    except Problem as problem:
        raise refusal(problem.status, phrase("不能下载"), because(problem.code), person) from None
    headers = {"Content-Disposition": f'attachment; filename="payments-{number}.{kind}"'}
    return Response(body, media_type=media_type, headers=headers)


@ROUTER.post("/payout-runs/{number}/file")
async def post_file(request: Request, queries: Shelf, desk: OnDesk, number: Number) -> Response:
    """Hand over what waits of a run in a file that a person takes to the bank."""
    person = await admitted(request, queries, DESK)
    given = await form_of(request)
    check_session_form(request, given.get("token"))
    try:
        await desk.hand_over(person, number, given.get("encoding", ENCODINGS[0]))
    except Problem as problem:
        return await _run_page(request, desk, person, number, because(problem.code), problem.status)
    return to(f"{HERE}/{number}")


@ROUTER.get("/payout-runs/files/{name}")
async def get_file(request: Request, queries: Shelf, desk: OnDesk, name: str) -> Response:
    """A file for the bank, accounts in plain; whoever takes it is in the audit log."""
    person = await admitted(request, queries, DESK)
    try:
        body = await desk.file(person, name)
    except Problem as problem:
        raise refusal(problem.status, phrase("不能下载"), because(problem.code), person) from None
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, media_type="text/csv", headers=headers)


@ROUTER.post("/payout-runs/{number}/{word}")
async def post_decision(request: Request, queries: Shelf, desk: OnDesk, number: Number, word: str) -> Response:
    """Release, reject or stop a run, with proof of who decides."""
    person = await admitted(request, queries, DESK)
    given = await form_of(request)
    session = check_session_form(request, given.get("token"))
    if word not in ("approve", "reject", "stop"):
        raise missing(phrase("事项"), person)
    if not person.scopes & set(SCOPES_OF[word]) or person.city is not None:
        raise refusal(403, phrase("没有权限"), phrase("您的角色不能办理这一事项。"), person)
    shown = await proven(queries, session, person, given)
    if shown is None:
        return await _run_page(request, desk, await queries.whose(session) or person, number, phrase(FAILED), 403)
    try:
        await desk.decide(shown, number, word, given.get("digest") or None, given.get("note", "").strip() or None)
    except Problem as problem:
        return await _run_page(request, desk, shown, number, because(problem.code), problem.status)
    return to(f"{HERE}/{number}")


async def _desk_page(
    request: Request, desk: Desk, person: Person, settlement: str, error: str = "", status: int = 200, said: str = ""
) -> Response:
    if "\0" in settlement or len(settlement) > 64:
        raise refusal(400, phrase("筛选条件有误"), phrase("请从页面上的筛选框选择。"), person)
    found = await desk.overview(settlement or None)
    names = {city.code: phrase(city.name) for of in load_rounds().values() for city in of.cities}
    return page(
        "payout_runs", status, **frame(request, person, DESK), **found, settlement=settlement, error=error, said=said,
        city_names=names, pays="payout:run" in person.scopes, encodings=ENCODINGS, note_max=NOTE_MAX,
    )  # fmt: skip


async def _run_page(
    request: Request, desk: Desk, person: Person, number: int, error: str = "", status: int = 200
) -> Response:
    found = await desk.run(number)
    if found is None:
        raise missing(phrase("发放批次"), person)
    run, items = found
    wanted = {"proposed": ("approve", "reject"), "released": ("stop",), "stopped": ("approve", "reject")}
    words = [
        word
        for word in wanted.get(run["status"], ())
        if person.scopes & set(SCOPES_OF[word]) and (word != "approve" or run["proposed_by"] != person.actor)
    ]
    waiting = sum(item["status"] == "ready" and item["unchanged"] for item in items)
    files = sorted({item["handed_over_as"] for item in items if item["handed_over_as"]})
    values: dict[str, Any] = {"run": run, "items": items, "words": words, "error": error, "files": files}
    return page(
        "payout_run", status, **frame(request, person, DESK), **values, prove=not person.may_decide(now()),
        minutes=PROOF_MINUTES, note_max=NOTE_MAX, pays="payout:run" in person.scopes, waiting=waiting,
        encodings=ENCODINGS,
    )  # fmt: skip
