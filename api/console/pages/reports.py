"""The files of a settlement, each with what it is for, and the list of the public notice as a page to print."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from api.console.answer import page, part
from api.console.language.reader import CHINESE, read_in
from api.console.language.text import words
from api.console.line_filter import LineFilter, shown_pages
from api.console.pages.settlements import frame, settlement_of
from api.console.queries import Queries, queries_of
from api.console.sessions import HOME, MONEY, ConsoleRoute, admitted
from settlement.report import FORMATS, LAYOUTS
from settlement.report.notice import notice_lines, notice_title, telephone_rows

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
ON_A_PAGE: Final = 500  # of the list: so many lines are read and drawn within what a page may take
FILES: Final = words(
    (
        (
            "",
            "全部",
            "申报表、汇总、明细、分市、未计入用量、公示名单和说明，在一个文件里",
            ("xlsx", "json"),
        ),
        (
            "summary",
            "兑现申报（汇总）表",
            "每个归口管理部门一张，含零申报和签字处；金额以万元计",
            ("xlsx", "csv"),
        ),
        ("lines", "明细", "每个单位一行：数量、支出、补助、待核与应付，金额以元计，附合计", ("xlsx", "csv", "parquet")),
        ("city", "分市", "每个市一行，附合计", ("xlsx", "csv", "parquet")),
        ("notice", "公示名单", "拟兑现的单位与金额，附受理异议的部门，供公示发布", ("xlsx", "csv")),
    )
)
NAMES: Final = {"xlsx": "Excel", "csv": "CSV", "json": "JSON", "parquet": "Parquet"}
assert {layout for layout, _, _, _ in FILES} == {"", *LAYOUTS}
assert set(NAMES) == set(FORMATS)


@ROUTER.get("/settlements/{number}/reports")
async def get_reports(request: Request, queries: Shelf, number: str) -> Response:
    """Offer every file of a settlement, for the province or one city."""
    person = await admitted(request, queries, MONEY)
    settlement = await settlement_of(queries, number, person)
    return page(
        "reports", **frame(request, person, MONEY), settlement=settlement, files=FILES, NAMES=NAMES,
        round=queries.rounds()[settlement["round"]], here=f"{HOME}/settlements/{number}",
    )  # fmt: skip


@ROUTER.get("/settlements/{number}/notice")
async def get_notice(
    request: Request, queries: Shelf, number: str, at: Annotated[int, Query(alias="page", ge=1, le=10_000)] = 1
) -> Response:
    """Show the list of the public notice, as it is printed or saved to be published."""
    person = await admitted(request, queries, MONEY)
    settlement = await settlement_of(queries, number, person)
    of_round = queries.rounds()[settlement["round"]]
    found = await queries.line_index(
        settlement, person.city, LineFilter(region=person.city or "", status="due", sort="city")
    )
    last = max(1, -(-found["lines"] // ON_A_PAGE))
    at = min(at, last)
    first = (at - 1) * ON_A_PAGE
    lines = await queries.lines_called(number, found["codes"][first : first + ON_A_PAGE])
    with read_in(CHINESE):  # what is published is a document in Chinese, whoever prints it
        document = part(
            "notice_list", round=of_round, found=found, lines=lines, first=first, at=at, last=last,
            title=notice_title(of_round), telephones=telephone_rows(of_round, person.city),
            said=notice_lines(settlement, of_round, adjusted=bool(settlement["adjusts"])),
        )  # fmt: skip
    return page(
        "notice", **frame(request, person, MONEY), settlement=settlement, document=document, at=at, last=last,
        pages=shown_pages(at, last), here=f"{HOME}/settlements/{number}",
    )  # fmt: skip
