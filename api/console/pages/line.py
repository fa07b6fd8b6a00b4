"""One line: its figures, how they came about step by step, what was not counted, and what its marks mean."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.console.answer import page
from api.console.line_filter import Asked
from api.console.pages.settlements import allowed, findings_of, frame, settlement_of
from api.console.queries import Queries, queries_of
from api.console.sessions import MONEY, ConsoleRoute, admitted, missing
from api.console.wording.findings import grouped
from api.console.wording.steps import shown_steps
from meter.regions import in_region
from settlement.report.reason_words import word_of

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]


@ROUTER.get("/settlements/{number}/lines/{uscc}")
async def get_line(request: Request, queries: Shelf, number: str, uscc: str, asked: Asked) -> Response:
    """Show one line with its reasons."""
    person = await admitted(request, queries, MONEY)
    settlement = await settlement_of(queries, number, person)
    line = await queries.line(number, uscc, of_a_city=person.city is not None)
    if line is None or (person.city is not None and not in_region(line["region"], person.city)):
        raise missing("结算行", person)
    of_round = queries.rounds()[settlement["round"]]
    documents = {key: document.title for key, document in of_round.documents.items()}
    return page(
        "line", **frame(request, person, MONEY), settlement=settlement, round=of_round, line=line,
        steps=shown_steps(line["steps"], documents), back=allowed(person, asked).query(),
        findings=grouped(await findings_of(queries, person, number, [line])),
        reasons=[word_of(code) for code in line["reasons"]], flags=[word_of(code) for code in line["flags"]],
    )  # fmt: skip
