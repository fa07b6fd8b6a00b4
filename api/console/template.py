"""The templates of the console: one environment that escapes everything and knows how money and quantities look."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from api.console.language.reader import CHINESE_NAME, ENGLISH, TAG, language_link, reader
from api.console.language.templates import Messages
from api.console.language.text import phrase, words
from api.console.sections import SHORTCUTS
from api.console.wording.audit import action_text, actor_text, object_text, state_text
from api.console.wording.quantity import percent, shown
from api.console.wording.quarantine_codes import meaning_of
from api.console.wording.refusals import not_booked
from api.console.wording.roles import CHOICE, PAYOUT, ROLE, RUN
from api.console.wording.vocabulary import OUTCOME, STATUS, TOTAL, city_name, reading_text, window_text, word_of
from meter.decimals import decimal_text
from settlement.report.about import moment_text
from settlement.report.money import wan_text, yuan_text
from settlement.rounds import Round, load_rounds

FOLDER = Path(__file__).parent
STATIC = {"console.css": "text/css; charset=utf-8", "mark.svg": "image/svg+xml"}
EVENT = words({
    "run": "计算", "submit": "提交", "review": "复核", "return": "退回", "approve": "批准", "publish": "公示",
    "objection": "异议", "ruling": "异议处理", "lock": "锁定", "cancel": "取消",
    "paid": "支付完毕", "reopen": "退汇重开",
})  # fmt: skip

RUN_EVENT = words({"approve": "批准发放", "reject": "不予批准", "stop": "停止发放"})
DIFFERENCE = words({
    "not_on_statement": "已入账，对账单上没有", "not_booked": "对账单上有，未入账", "amount_differs": "金额不符",
    "moved_twice": "同一笔划转两次", "unexplained": "无法对应的流水", "with_the_bank": "在途，等银行结果",
    "repaid_not_on_statement": "追回已登记，对账单上没有",
})  # fmt: skip
NOTE = words({"repaid": "追回退款", "fee": "手续费", "interest": "利息", "transfer": "内部划转", "other": "其他"})
CLAWBACK = words({"open": "未结清", "settled": "已结清", "waived": "已免除"})
ACCOUNT = words({"proposed": "待批准", "approved": "已批准", "rejected": "未批准"})
CHANGE = words({
    "entities": "单位", "holdings": "持股", "expenditures": "支出凭证", "facilities": "智算中心", "chips": "芯片",
    "corrections": "用量更正",
})  # fmt: skip
PROPOSAL = words({
    "propose": "提出", "approve": "同意", "reject": "不同意", "offset": "抵扣", "repaid": "退回登记", "waive": "免除",
})  # fmt: skip
# the way of a settlement: what each stop is called, and in which states it has been reached
LIFE = words(
    (
        ("计算", ("computed", "returned", "submitted", "reviewed", "approved", "published", "locked", "paid")),
        ("提交", ("submitted", "reviewed", "approved", "published", "locked", "paid")),
        ("复核", ("reviewed", "approved", "published", "locked", "paid")),
        ("批准", ("approved", "published", "locked", "paid")),
        ("公示", ("published", "locked", "paid")),
        ("锁定", ("locked", "paid")),
        ("支付", ("paid",)),
    )
)


@cache
def environment() -> Environment:
    """Return the environment, made when the first page is asked for."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, auto_reload=False, extensions=[Messages],
    )  # fmt: skip
    made.filters |= {
        "yuan": yuan_text,
        "wan": wan_or_yuan,
        "money": money,
        "quantity": quantity,
        "moment": moment_text,
        "status": lambda name: STATUS.get(name, name),
        "short": lambda digest: f"{digest[:16]}…" if len(digest) > 17 else digest,
    }
    made.globals |= {
        "word_of": word_of,
        "action_text": action_text,
        "state_text": state_text,
        "object_text": object_text,
        "actor_text": actor_text,
        "meaning_of": meaning_of,
        "not_booked_because": not_booked,
        "group_net": group_net,
        "reading_text": reading_text,
        "city_name": city_name,
        "rate_text": rate_text,
        "percent_text": percent_text,
        "city_called": city_called,
        "window_text": window_text,
        "TOTAL": TOTAL,
        "OUTCOME": OUTCOME,
        "ROLE": ROLE,
        "EVENT": EVENT,
        "CHOICE": CHOICE,
        "PAYOUT": PAYOUT,
        "RUN": RUN,
        "RUN_EVENT": RUN_EVENT,
        "DIFFERENCE": DIFFERENCE,
        "NOTE": NOTE,
        "CLAWBACK": CLAWBACK,
        "PROPOSAL": PROPOSAL,
        "ACCOUNT": ACCOUNT,
        "CHANGE": CHANGE,
        "LIFE": LIFE,
        "who": who,
        "SHORTCUTS": SHORTCUTS,
        "static": static_path,
        "reader": reader,
        "TAG": TAG,
        "chinese_name": CHINESE_NAME,
        "language_link": language_link,
        "said": phrase,
    }
    return made


def money(fen: int) -> Markup:
    """Return fen in yuan, the exact fen beside it for whoever asks."""
    exact = phrase("{fen} 分", fen=fen)
    return Markup('<data class="money" value="{}" title="{}">{}</data>').format(fen, exact, yuan_text(fen))


def quantity(value: str, decimals: int = 6) -> Markup:
    """Return a quantity, the exact number beside it where it is rounded."""
    found = shown(value, decimals)
    if not found.exact:
        return Markup('<data class="number" value="{}">{}</data>').format(value, found.text)
    exact = phrase("精确值 {exact}", exact=found.exact)
    return Markup('<data class="number" value="{}" title="{}">{}</data>').format(found.exact, exact, found.text)


def wan_or_yuan(fen: int) -> str:
    """Return fen in 万元; for who reads English in yuan."""
    return yuan_text(fen) if reader().language == ENGLISH else wan_text(fen)


def rate_text(order: Mapping[str, Any], of_round: Round) -> str:
    """Return the rate of an order in percent, or that there is none."""
    if order.get("rate") is not None:
        return percent_text(str(order["rate"]))
    return (
        phrase("未下达（仅测算）")
        if of_round.draft
        else phrase("未下达（按上限 {ceiling} 测算）", ceiling=percent_text(str(of_round.ceiling)))
    )


def percent_text(ratio: str) -> str:
    """Return an exact ratio as people write it."""
    return percent(ratio).text


def city_called(code: str | None) -> str:
    """Return the name of a city by its code, out of the newest round that has it."""
    for of_round in reversed(list(load_rounds().values())):
        for city in of_round.cities:
            if city.code == code:
                return phrase(str(city.name))
    return code or ""


def who(actor: str) -> str:
    """Return who acted; what is hidden from this reader stays hidden."""
    kind, colon, name = actor.partition(":")
    if not colon or kind not in ("key", "person"):
        return actor
    return phrase("{name}（{kind}）", name=name, kind=phrase("接口") if kind == "key" else phrase("人员"))


def group_net(line: Mapping[str, Any]) -> str:
    """Return the group's net of a line, exact: the contract's line has its two sides."""
    net = Fraction(line["group_consumed_pflops_hours"]) - Fraction(line["group_supplied_pflops_hours"])
    return decimal_text(net)


@cache
def static_bytes(name: str) -> bytes:
    """Return a static file."""
    return (FOLDER / "static" / name).read_bytes()


def static_path(name: str) -> str:
    """Return its address, which changes with its content so that it can be kept for long."""
    return f"/console/static/{name}?v={hashlib.sha256(static_bytes(name)).hexdigest()[:12]}"
