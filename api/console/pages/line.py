"""One line: its figures, how they came about step by step, what was not counted, and what its marks mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from api.auth.people import Person
from api.console.answer import page
from api.console.drawing.group import group_picture
from api.console.drawing.waterfall import waterfall
from api.console.language.text import phrase
from api.console.line_filter import Asked
from api.console.pages.settlements import allowed, findings_of, frame, settlement_of
from api.console.queries import Queries, Record, queries_of
from api.console.sessions import MONEY, ConsoleRoute, admitted, missing
from api.console.wording.findings import grouped
from api.console.wording.quantity import shown
from api.console.wording.release import releases_of
from api.console.wording.steps import shown_steps
from api.console.wording.vocabulary import word_of
from meter.regions import in_region
from settlement.report.money import yuan_text

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]


@ROUTER.get("/settlements/{number}/lines/{uscc}")
async def get_line(request: Request, queries: Shelf, number: str, uscc: str, asked: Asked) -> Response:
    """Show one line with its reasons."""
    person = await admitted(request, queries, MONEY)
    settlement = await settlement_of(queries, number, person)
    line = await queries.line(number, uscc, of_a_city=person.city is not None)
    if line is None or (person.city is not None and not in_region(line["region"], person.city)):
        raise missing(phrase("结算行"), person)
    of_round = queries.rounds()[settlement["round"]]
    documents = {key: document.title for key, document in of_round.documents.items()}
    return page(
        "line", **frame(request, person, MONEY), settlement=settlement, round=of_round, line=line,
        steps=shown_steps(line["steps"], documents), back=allowed(person, asked).query(),
        findings=grouped(await findings_of(queries, person, number, [line])),
        pictures=pictures_of(line), releases=releases_of(line),
        earlier=await _earlier(queries, settlement, person, uscc),
        confirmed=await queries.confirmed_by(uscc, settlement["round"]) if person.city is None else None,
        reasons=[word_of(code) for code in line["reasons"]], flags=[word_of(code) for code in line["flags"]],
    )  # fmt: skip


def pictures_of(line: Mapping[str, Any]) -> dict[str, Any]:
    """Draw the way from the charges to the award, and the entity beside its group."""
    known: dict[str, Any] = {}
    for step in line["steps"]:
        known |= step["after"]
    charges, eligible = known.get("all_charges_fen"), known.get("eligible_charges_fen")
    spend, base, award = line["eligible_expenditure_fen"], line["base_fen"], line["award_fen"]
    if not charges or eligible is None:
        return {}
    fell = [
        (phrase("不计入与待核"), charges, eligible),
        (phrase("凭证与其他公共资金"), eligible, spend), (phrase("被使用量抵减"), spend, base),
        (phrase("单位自担"), base, award),
    ]  # fmt: skip
    stages = [(phrase("平台账单总额"), 0, charges, yuan_text(charges))]
    for name, start, end in fell:
        if start != end:
            stages.append((name, start, end, f"−{yuan_text(start - end)}"))
    stages.append((phrase("补助金额"), 0, award, yuan_text(award)))
    drawn: dict[str, Any] = {"waterfall": waterfall(phrase("从账单到补助（元）"), stages)}
    alone = line["group"] in (None, line["uscc"])
    if not alone or line["group_consumed_pflops_hours"] != line["consumed_pflops_hours"]:
        own, group = (
            _card(phrase("本单位"), line["uscc"], line, ""),
            _card(phrase("集团（根代码）"), line["group"], line, "group_"),
        )
        drawn["group"] = group_picture(phrase("本单位与所在集团"), own, group, phrase("关联"))
    return drawn


def _card(heading: str, code: str, line: Mapping[str, Any], prefix: str) -> tuple[str, str, str, str]:
    used, supplied = (shown(line[f"{prefix}{name}_pflops_hours"], 3).text for name in ("consumed", "supplied"))
    return heading, code, phrase("使用 {used} P时", used=used), phrase("被使用 {supplied} P时", supplied=supplied)


async def _earlier(queries: Queries, settlement: Record, person: Person, uscc: str) -> Record | None:
    """Return the line of the settlement that this one adjusts, as far as this reader sees it."""
    if not settlement["adjusts"]:
        return None
    found = await queries.lines_called(settlement["adjusts"], [uscc])
    if not found or (person.city is not None and not in_region(found[0]["region"], person.city)):
        return None
    return found[0]
