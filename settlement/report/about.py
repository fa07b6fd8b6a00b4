"""What a report says about itself: totals, round, order, readings, digests, and the words of every code that occurs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from meter.days import SHANGHAI, date_of
from meter.decimals import decimal_text
from settlement.report.labels import STATUS, TOTAL
from settlement.report.money import yuan_text
from settlement.report.reason_words import WORDS, word_of
from settlement.report.survey import Survey
from settlement.rounds import Round, reading_table
from settlement.rounds.reading_table import reading_text

# Up to here a spreadsheet's number (a double) tells every fen from the next, in fen, in yuan and in 万元: 10^15 is
# below 2^53, and beside 10^9 万元 doubles lie 1.2e-7 apart, while a fen is 1e-6. Beyond, money is written as text.
LARGEST_NUMBER_FEN = 10**15


def total_rows(settlement: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return the settlement's totals that are there: Chinese name and fen."""
    totals = settlement["totals"]
    return [(head, int(totals[name])) for name, head in TOTAL.items() if totals.get(name) is not None]


def outcome_rows(survey: Survey) -> list[tuple[str, int]]:
    """Return how many lines there are, and how many pay, wait or give nothing."""
    nothing = survey.lines - survey.payable - survey.held
    return [("单位数", survey.lines), ("应付", survey.payable), ("待核", survey.held), ("无金额", nothing)]


def code_rows(survey: Survey) -> list[tuple[str, str, str, str, int]]:
    """Return every reason and flag that occurs: kind, title, meaning, rule, number of lines.

    In the order of the catalogue.
    """
    order = {code: place for place, code in enumerate(WORDS)}
    rows = []
    for code in sorted(survey.codes, key=lambda item: (order.get(item, len(order)), item)):
        word = word_of(code)
        rows.append((word.kind, f"{word.title}（{code}）", word.meaning, word.rule, survey.codes[code]))
    return rows


def fact_rows(settlement: Mapping[str, Any], of_round: Round) -> list[tuple[str, str]]:
    """Return what the settlement is: round, window, order, cut, state, digests, code; name and text."""
    order = settlement.get("order") or {}
    receipt = settlement.get("receipt") or {}
    rows = [
        ("结算编号", str(settlement["id"])),
        ("兑现批次", f"{of_round.title}（{of_round.id}）"),
        ("统计期", window_text(of_round)),
        ("状态", STATUS.get(str(settlement["status"]), str(settlement["status"]))),
        ("截至批号", str(settlement["as_of"])),
        ("补助比例", rate_text(order, of_round)),
        ("预算", f"{yuan_text(order['budget_fen'])} 元" if order.get("budget_fen") is not None else "未设"),
        ("皖北上浮", "是" if order.get("uplift") else "否"),
        ("下达文号", str(order.get("number") or "—")),
        ("结算摘要", str(settlement["digest"])),
        ("批次规则摘要", f"sha256:{of_round.sha256}"),
    ]
    if receipt.get("journal_digest"):
        rows.append(("流水链摘要", str(receipt["journal_digest"])))
    if receipt.get("code"):
        rows.append(("程序版本", str(receipt["code"])))
    if settlement.get("checkpoint"):
        rows += checkpoint_rows(settlement["checkpoint"])
    if settlement.get("created_at"):
        rows.append(("计算时间", moment_text(settlement["created_at"])))
    return rows


def checkpoint_rows(checkpoint: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what was locked, signed: by it the holder of the report can tell the settlement from any other."""
    statement, signature = checkpoint["statement"], checkpoint["signature"]
    return [
        ("锁定检查点", f"{statement['lines']} 行 {statement['lines_sha256']}"),
        ("检查点签名", f"{signature['algorithm']} {signature['value']}"),
        ("签名公钥指纹", str(signature["fingerprint"])),
    ]


def reading_rows(settlement: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return every reading the settlement was computed under, in the catalogue's order."""
    readings = settlement.get("readings") or {}
    known = [name for name in reading_table.TABLE if name in readings]
    return [reading_text(name, readings[name]) for name in [*known, *sorted(set(readings) - set(known))]]


def note_rows() -> list[str]:
    """Return how the figures are written."""
    return [
        "金额均不含税，精确到分。“万元”保留6位小数，与以分计的金额一一对应，不丢失任何一分。",
        "数量以P时（FP16稠密算力，PFLOPS小时）计：数值列供计算，除不尽的保留六位小数；"
        "精确值列写成最简分数，如 7/36，按文本存放。",
        f"绝对值不超过 {yuan_text(LARGEST_NUMBER_FEN)} 元的金额按数值存放，超过的按文本存放，均不失真。",
        "以等号、加减号、@ 等开头的文字一律按文本存放，不会作为公式执行。",
    ]


def window_text(of_round: Round) -> str:
    """Return the days of the window, both inclusive, as the notice says them."""
    if of_round.window is None:
        return "无（征求意见稿）"
    first, end = of_round.window
    return f"{date_of(first).isoformat()} 至 {date_of(end - 1).isoformat()}（含首尾，北京时间）"


def rate_text(order: Mapping[str, Any], of_round: Round) -> str:
    """Return the rate of the order, or that there is none."""
    if order.get("rate") is not None:
        return str(order["rate"])
    return "未下达（仅测算）" if of_round.draft else f"未下达（按上限 {decimal_text(of_round.ceiling)} 测算）"


def moment_text(moment: object) -> str:
    """Return an instant (datetime or RFC 3339 text) in Beijing time, to the second."""
    value = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    assert isinstance(value, datetime)
    return value.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
