"""Claims over HTTP: what was paid too much, and how it comes back, by two people."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from api.access import require
from api.asking import as_caller, json_object, service_of
from api.paging import Page, page_of
from api.payouts import refusal_of
from api.problem import Problem
from api.service import now
from api.settlements import actor_of
from meter.rollup.store import driver
from settlement.payout.claims import KINDS, answer, list_claims, propose
from settlement.payout.refusal import NotPossible

ROUTER = APIRouter(prefix="/v1/claims", tags=["payouts"])


@ROUTER.get("")
async def get_claims(
    request: Request,
    status: str | None = None,
    settlement: str | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> Any:
    """Claims in order of their numbers, each with what was proposed and decided."""
    require(await as_caller(request), "payout:read")
    page = Page.of(limit, cursor)
    async with service_of(request).engine.connect() as held:
        rows = await list_claims(await driver(held), status, settlement, page.after(0), page.limit + 1)
    return page_of(rows, page, lambda row: int(row["id"]))


@ROUTER.post("/{number}/propose")
async def post_propose(request: Request, number: int) -> Any:
    """Propose to offset a claim against an instruction that is not out yet, to book it as repaid, or to waive it."""
    caller = await as_caller(request)
    require(caller, "settlement:run")
    given = await json_object(request, {"kind": str, "amount_fen": int, "instruction": int, "note": str})
    if given.get("kind") not in KINDS or not 0 < given.get("amount_fen", 0) < 2**63 or not 0 < number < 2**63:
        raise Problem(400, "bad_request", f"kind is one of {', '.join(KINDS)}, amount_fen is above 0")
    if not 0 < given.get("instruction", 1) < 2**63:
        raise Problem(400, "out_of_range", "instruction is out of range")
    try:
        return await propose(
            service_of(request).engine, number, kind=given["kind"], amount_fen=given["amount_fen"],
            instruction=given.get("instruction"), note=given.get("note"), actor=actor_of(caller), moment=now(),
        )  # fmt: skip
    except NotPossible as error:
        raise await refusal_of(request, caller, "claim.propose", number, error) from None


@ROUTER.post("/{number}/{word}")
async def post_answer(request: Request, number: int, word: str) -> Any:
    """Approve or reject a proposal; by somebody else than who proposed it."""
    caller = await as_caller(request)
    require(caller, "settlement:approve")
    given = await json_object(request, {"proposal": int, "note": str})
    if word not in ("approve", "reject"):
        raise Problem(404, "no_such_path", "there is no such decision")
    if not 0 < given.get("proposal", 0) < 2**63 or not 0 < number < 2**63:
        raise Problem(400, "missing_field", "proposal is the number of the proposal")
    try:
        return await answer(
            service_of(request).engine, number, proposal=given["proposal"], approve=word == "approve",
            note=given.get("note"), actor=actor_of(caller), moment=now(),
        )  # fmt: skip
    except NotPossible as error:
        raise await refusal_of(request, caller, f"claim.{word}", number, error) from None
