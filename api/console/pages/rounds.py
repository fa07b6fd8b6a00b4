"""The rounds: every value with the words it rests on and where they stand."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.console.answer import page
from api.console.language.text import phrase, words
from api.console.pages.settlements import frame
from api.console.queries import Queries, queries_of
from api.console.sessions import ROUNDS, ConsoleRoute, admitted, missing
from api.console.wording.vocabulary import KIND, PURPOSE, reading_text, told_round
from meter.days import date_of
from meter.decimals import decimal_text

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
PARAMETER = words({
    "purposes": "计入的用途", "facility_in_anhui": "算力须在安徽", "prefix": "区划代码前缀",
    "registered_in_anhui": "须在安徽注册", "kinds": "列举的单位类型", "ai_enterprise": "企业须为通用人工智能企业",
    "share": "比例", "evidence_required": "必备凭证", "spend_basis": "算力总支出口径", "ceiling": "比例上限",
    "factor": "上浮倍数", "six": "六市代码", "six_plus_four": "另加四县市代码", "entitlement": "办理方式",
    "bars": "逾期后果", "department": "归口管理部门", "pflops_at_least": "规模下限（P）", "completed_by": "完成期限",
    "yuan_per_kwh": "每度补贴（元）", "pue_below": "PUE低于", "rate": "比例", "cap_fen": "封顶（分）",
    "parameters_at_least": "参数量下限", "scenes_at_least": "场景数下限", "honours": "列举的荣誉",
})  # fmt: skip
WORDS = words({
    **PURPOSE, **KIND, "contract": "合同", "invoice": "发票", "payment": "付款",
    "no_application": "免申即享", "no_review": "免审即享", "year": "当年不得申报", "next_batch": "不得参加下批次",
    "academician": "院士", "award": "获奖", "national_programme": "国家人才计划",
})  # fmt: skip


@ROUTER.get("/rounds")
async def get_rounds(request: Request, queries: Shelf) -> Response:
    """Show all rounds."""
    person = await admitted(request, queries, ROUNDS)
    return page("rounds", **frame(request, person, ROUNDS), rounds=queries.rounds())


@ROUTER.get("/rounds/{number}")
async def get_round(request: Request, queries: Shelf, number: str) -> Response:
    """Show one round with all its words."""
    person = await admitted(request, queries, ROUNDS)
    of_round = queries.rounds().get(number)
    if of_round is None:
        raise missing(phrase("批次"), person)
    rules = [(rule, parameters_of(rule.parameters)) for rule in told_round(of_round).rules.values()]
    gaps = [(date_of(gap.from_day), date_of(gap.to_day - 1), gap.reason) for gap in of_round.gaps]
    return page("round", **frame(request, person, ROUNDS), round=of_round, rules=rules, gaps=gaps)


def parameters_of(parameters: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return the parameters of a rule: name and value in Chinese."""
    return [(PARAMETER.get(name, name), _text(value)) for name, value in parameters.items()]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return phrase("是") if value else phrase("否")
    if isinstance(value, Fraction):
        return decimal_text(value)
    if isinstance(value, (list, tuple)):
        return phrase("、").join(_text(item) for item in value) or phrase("无")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, str):
        return WORDS.get(value) or reading_text("spend_basis", value)[1]
    return f"{value:,}" if isinstance(value, int) else str(value)
