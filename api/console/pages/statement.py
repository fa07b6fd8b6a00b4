"""The calculation statement of one entity (计算说明): what it gets and why, on two printed sides, with its receipt."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from api.console.answer import page
from api.console.drawing.receipt_code import receipt_code
from api.console.pages.settlements import frame, settlement_of
from api.console.queries import Queries, queries_of
from api.console.sessions import MONEY, ConsoleRoute, admitted, missing
from api.console.wording.release import releases_of
from api.console.wording.steps import shown_steps
from meter.regions import in_region
from settlement.report.reason_words import word_of

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
FINAL: Final = ("locked", "paid")


@ROUTER.get("/settlements/{number}/lines/{uscc}/statement")
async def get_statement(request: Request, queries: Shelf, number: str, uscc: str) -> Response:
    """Show the statement of one line; before the lock it says that it is not final."""
    person = await admitted(request, queries, MONEY)
    settlement = await settlement_of(queries, number, person)
    line = await queries.line(number, uscc, of_a_city=person.city is not None)
    if line is None or (person.city is not None and not in_region(line["region"], person.city)):
        raise missing("结算行", person)
    of_round = queries.rounds()[settlement["round"]]
    documents = {key: document.title for key, document in of_round.documents.items()}
    steps = [step for step in shown_steps(line["steps"], documents) if step.formula or step.rule == "R-CAP20"]
    receipt = f"suanbu {settlement['id']} {uscc} award_fen={line['award_fen']} payable_fen={line['payable_fen']}"
    if (
        person.city is None
    ):  # the digest covers all lines: in a picture, a city does not tell it from a figure of others
        receipt += f" {settlement['digest']}"
    return page(
        "statement", **frame(request, person, MONEY), settlement=settlement, round=of_round, line=line, steps=steps,
        number=f"{settlement['id']}/{uscc}", code=receipt_code(receipt), final=settlement["status"] in FINAL,
        reasons=[word_of(one) for one in line["reasons"] + line["flags"]], releases=releases_of(line),
    )  # fmt: skip
