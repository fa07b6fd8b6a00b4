"""The calculation statement of one entity (计算说明): what it gets and why, on two printed sides, with its receipt."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response

from api.auth.people import Person
from api.console.answer import page
from api.console.drawing.receipt_code import receipt_code
from api.console.language.reader import CHINESE, read_in, reader
from api.console.language.text import phrase
from api.console.pages.settlements import frame, settlement_of
from api.console.queries import Queries, Record, queries_of
from api.console.sessions import HOME, MONEY, ConsoleRoute, admitted, missing
from api.console.statement_file import Statement, statement_pdf
from api.console.wording.release import releases_of
from api.console.wording.steps import shown_steps
from api.console.wording.vocabulary import word_of
from meter.regions import in_region
from settlement.rounds import Round

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
FINAL: Final = ("locked", "paid")
_TYPESETTING: Final = asyncio.Semaphore(1)
"""One at a time: whoever asks for many files takes no more than one core."""


@ROUTER.get("/settlements/{number}/lines/{uscc}/statement")
async def get_statement(request: Request, queries: Shelf, number: str, uscc: str) -> Response:
    """Show the statement of one line; before the lock it says that it is not final."""
    person = await admitted(request, queries, MONEY)
    said = await _statement_of(queries, person, number, uscc)
    here = f"{HOME}/settlements/{quote(number, safe='')}/lines/{quote(uscc, safe='')}"
    return statement_page(request, person, said, MONEY, here)


@ROUTER.get("/settlements/{number}/lines/{uscc}/statement.pdf")
async def get_statement_file(request: Request, queries: Shelf, number: str, uscc: str) -> Response:
    """Give the same as a file, two A4 sides with its letters inside."""
    person = await admitted(request, queries, MONEY)
    return await statement_file(await _statement_of(queries, person, number, uscc, CHINESE))


def statement_page(request: Request, person: Person, said: Statement, section: str, here: str) -> Response:
    """Return a statement as a page; `here` is the address of its line."""
    return page(
        "statement", **frame(request, person, section), settlement=said.settlement, round=said.round, line=said.line,
        steps=said.steps, number=said.number, code=receipt_code(said.receipt), final=said.final, reasons=said.reasons,
        releases=releases_of(said.line), with_digest=said.with_digest, here=here,
    )  # fmt: skip


async def statement_file(said: Statement) -> Response:
    """Return a statement as a PDF, which is a document in Chinese."""
    async with _TYPESETTING:
        with read_in(CHINESE):
            made = await asyncio.to_thread(statement_pdf, said)
    name = re.sub(r"[^A-Za-z0-9._-]", "_", said.number)
    headers = {"Content-Disposition": f'attachment; filename="{name}.pdf"'}
    return Response(made, media_type="application/pdf", headers=headers)


async def _statement_of(
    queries: Queries, person: Person, number: str, uscc: str, language: str | None = None
) -> Statement:
    settlement = await settlement_of(queries, number, person)
    line = await queries.line(number, uscc, of_a_city=person.city is not None)
    if line is None or (person.city is not None and not in_region(line["region"], person.city)):
        raise missing(phrase("结算行"), person)
    of_round = queries.rounds()[settlement["round"]]
    return told_statement(settlement, of_round, line, with_digest=person.city is None, language=language)


def told_statement(
    settlement: Record, of_round: Round, line: Record, *, with_digest: bool, language: str | None = None
) -> Statement:
    """Return what the statement of a line says, in the reader's language unless another is given.

    Its picture holds the settlement's digest where whoever reads it sees all lines, over which the digest goes.
    """
    documents = {key: document.title for key, document in of_round.documents.items()}
    with read_in(language or reader().language):
        steps = [step for step in shown_steps(line["steps"], documents) if step.formula or step.rule == "R-CAP20"]
        words = [word_of(one) for one in line["reasons"] + line["flags"]]
    number, uscc = settlement["id"], line["uscc"]
    receipt = f"suanbu {number} {uscc} award_fen={line['award_fen']} payable_fen={line['payable_fen']}"
    return Statement(
        settlement=settlement, round=of_round, line=line, steps=steps, number=f"{number}/{uscc}",
        receipt=f"{receipt} {settlement['digest']}" if with_digest else receipt, final=settlement["status"] in FINAL,
        reasons=words, with_digest=with_digest,
    )  # fmt: skip
