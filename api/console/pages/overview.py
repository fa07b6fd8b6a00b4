"""The overview: what waits for whoever looks, where the round's money goes, how the intake is, and what is due when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from api.auth.people import Person
from api.clock import now
from api.console.answer import page
from api.console.drawing.bars import bars
from api.console.drawing.map import city_map
from api.console.drawing.waterfall import waterfall
from api.console.language.text import phrase, words
from api.console.open_decisions import awaited, choices_of, offered
from api.console.overview_queries import OverviewQueries, overview_of
from api.console.pages.overview_months import monthly_awards, monthly_use
from api.console.pages.overview_use import shown_use
from api.console.pages.settlements import frame, settlement_of
from api.console.queries import Queries, Record, queries_of
from api.console.sessions import HOME, MONEY, QUARANTINE, ConsoleRoute, logged_in, missing, sections
from api.console.terms import newest_round
from api.console.wording.quantity import short_money
from api.console.wording.vocabulary import city_name
from meter.days import SHANGHAI
from meter.regions import in_region
from settlement.report.money import yuan_text
from settlement.rounds import Round

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
Figures = Annotated[OverviewQueries, Depends(overview_of)]
LOOKED_AT = 50
SMALL_FEN = 1_000_000  # below 万元, which one decimal would show as next to nothing
WAITS = words({
    "accounts": ("个收款账户待批准", "accounts?status=proposed"),
    "disputed": ("笔支付有争议", "payouts?status=disputed"),
    "failed": ("笔支付失败", "payouts?status=failed"), "returned": ("笔支付被退回", "payouts?status=returned"),
    "clawbacks": ("项追回未结清", "claims?status=open"), "runs": ("个发放批次待批准", "payout-runs"),
    "proposable": ("笔支付可以提出发放批次", "payout-runs"),
})  # fmt: skip
SUMMED = ("consumed", "supplied", "net", "spend_fen", "base_fen", "award_fen", "held_fen", "payable_fen", "lines")


@ROUTER.get("/overview")
async def get_overview(request: Request, queries: Shelf, figures: Figures, round: str = "") -> Response:
    """Show what a person of this role and city should see first."""
    person = await logged_in(request, queries)
    seen = sections(person)
    rounds = queries.rounds()
    if round and round not in rounds:
        raise missing(phrase("批次"), person)
    listed = await queries.settlements(None, LOOKED_AT) if MONEY in seen else []
    chosen = round or (listed[0]["round"] if listed else newest_round(rounds))
    of_round = rounds[chosen]
    of_this = [one for one in listed if one["round"] == chosen and one["status"] != "cancelled"]
    newest = next(iter(of_this), None)
    values: dict[str, Any] = {
        "round": of_round, "rounds": rounds, "newest": newest, "todo": [], "others": {}, "cities": [], "intake": None,
        "use": [], "use_at": None, "pictures": {}, "monthly": [], "balance_at": None, "by_month": False,
    }  # fmt: skip
    if MONEY in seen:
        values["todo"] = await _todo(queries, person, listed)
        values |= await _by_month(figures, person, of_round)
    if person.city is None:
        values["others"] = await figures.waiting(person.scopes)
    if newest is not None:
        shown = await settlement_of(queries, newest["id"], person)
        cities = [one for one in await figures.by_city(shown, person.city) if _of(person, one)]
        values |= {"settlement": shown, "cities": cities, "sums": _sums(cities)}
        values["pictures"] |= _of_money(shown, cities, of_round)
    if person.city is None and {MONEY, QUARANTINE} & set(seen):
        use = shown_use(await figures.use())
        values["pictures"] |= use.pop("drawn")
        values |= {"intake": await figures.intake(), **use}
    return page(
        "overview", **frame(request, person, "overview"), **values, deadlines=_deadlines(of_round, now()),
        waits=WAITS, home=HOME,
    )  # fmt: skip


async def _todo(queries: Queries, person: Person, listed: Sequence[Record]) -> list[tuple[Record, list[Any], str]]:
    """Return the settlements that wait for this person, with the decisions; and whom the others wait for."""
    found = []
    for one in listed:
        if one["status"] in ("locked", "paid", "cancelled"):
            continue
        full = await queries.settlement(one["id"])
        assert full is not None
        waiting = await queries.waiting(one["id"]) if one["status"] in ("submitted", "reviewed") else []
        steps = [step for step in offered(person, choices_of(person, full)[0], waiting) if step[2]]
        found.append((one, steps, awaited(full, waiting, queries.rounds()[one["round"]])))
    return sorted(found, key=lambda item: not item[1])


async def _by_month(figures: OverviewQueries, person: Person, of_round: Round) -> dict[str, Any]:
    """Return the figures by month and city, of the reader's own city where one is bound to it."""
    balance = await figures.balance()
    found = monthly_use(balance[1], of_round, person.city) if balance else []
    found += monthly_awards(await figures.awarded(person.city), of_round, person.city)
    return {"by_month": True, "balance_at": balance[0].isoformat() if balance else None, "monthly": found}


def _of(person: Person, city: Record) -> bool:
    return person.city is None or (city["city"] is not None and in_region(city["city"], person.city))


def _sums(cities: Sequence[Record]) -> dict[str, int]:
    return {name: sum(int(one[name] or 0) for one in cities) for name in SUMMED}


def _of_money(settlement: Record, cities: Sequence[Record], of_round: Round) -> dict[str, Any]:
    """Draw what comes of a settlement: from spend to award, and by city."""
    sums, all_fen = _sums(cities), settlement["totals"].get("charge_in_window_fen")
    spend, base, award = sums["spend_fen"], sums["base_fen"], sums["award_fen"]
    stages = [(phrase("计入的算力支出"), 0, spend, yuan_text(spend))]
    if all_fen is not None:
        stages = [
            (phrase("统计期内费用"), 0, all_fen, yuan_text(all_fen)),
            (phrase("不计入与待核等"), all_fen, spend, f"−{yuan_text(all_fen - spend)}"), *stages,
        ]  # fmt: skip
    stages += [
        (phrase("被使用量抵减"), spend, base, f"−{yuan_text(spend - base)}"),
        (phrase("补助基数"), 0, base, yuan_text(base)),
        (phrase("单位自担"), base, award, f"−{yuan_text(base - award)}"),
        (phrase("补助金额"), 0, award, yuan_text(award)),
    ]  # fmt: skip
    names = {city.code: phrase(city.name) for city in of_round.cities}
    rows = [
        (city_name(of_round, one["city"]),
         [("paid", one["award_fen"], phrase('补助 {award_fen} 元', award_fen=yuan_text(one['award_fen']))),
          ("held", one["held_fen"], phrase('待核 {held_fen} 元', held_fen=yuan_text(one['held_fen'])))],
         _wan(one["award_fen"]))
        for one in sorted(cities, key=lambda one: -one["award_fen"])
    ]  # fmt: skip
    tiles = {one["city"]: (names.get(one["city"], ""), one["award_fen"], _wan(one["award_fen"])) for one in cities}
    for code, name in names.items():
        tiles.setdefault(code, (name, 0, "—"))
    return {
        "waterfall": waterfall(phrase("从支出到补助"), stages), "bars": bars(phrase("各市补助与待核"), rows),
        "map": city_map(phrase("各市补助金额"), tiles),
    }  # fmt: skip


def _wan(fen: int) -> str:
    """Return a sum for a picture, beside whose figure the table has every fen; what is small is told in yuan."""
    if abs(fen) < SMALL_FEN:
        return phrase("{fen} 元", fen=yuan_text(fen)) if fen % 100 else phrase("{fen} 元", fen=f"{fen // 100:,}")
    return short_money(fen)


def _deadlines(of_round: Round, moment: datetime) -> list[tuple[str, str, int]]:
    """Return what is due when, with the whole days until then."""
    found = []
    for one in sorted(of_round.deadlines, key=lambda deadline: deadline.at):
        at = one.at.astimezone(SHANGHAI)
        found.append(
            (phrase(one.title), at.strftime("%Y-%m-%d %H:%M"), (at.date() - moment.astimezone(SHANGHAI).date()).days)
        )
    return found
