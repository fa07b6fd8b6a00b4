"""The lines of a list as a file for a spreadsheet: heads in Chinese, money in yuan, codes that stay text."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from settlement.report.labels import city_name
from settlement.report.reason_words import word_of
from settlement.report.safe import kept, marked
from settlement.rounds import Round

Line = Mapping[str, Any]


def _yuan(name: str) -> Callable[[Line, Round], str]:
    def write(line: Line, _of_round: Round) -> str:
        fen = int(line.get(name, line["payable_fen"]))
        sign, whole = "-" if fen < 0 else "", abs(fen)
        return f"{sign}{whole // 100}.{whole % 100:02d}"

    return write


def _quantity(name: str) -> Callable[[Line, Round], str]:
    return lambda line, _of_round: kept(marked(line[name]) if "/" in line[name] else line[name])


def _words(name: str) -> Callable[[Line, Round], str]:
    return lambda line, _of_round: "；".join(word_of(code).title for code in line[name])


HEADS: Final[Sequence[tuple[str, Callable[[Line, Round], str]]]] = (
    ("统一社会信用代码", lambda line, _of_round: kept(line["uscc"])),
    ("单位名称", lambda line, _of_round: kept(marked(line["name"] or ""))),
    ("所在市", lambda line, of_round: city_name(of_round, line["region"])),
    ("使用量（P时）", _quantity("consumed_pflops_hours")),
    ("被使用量（P时）", _quantity("supplied_pflops_hours")),
    ("补助量（P时）", _quantity("net_pflops_hours")),
    ("计入支出（元）", _yuan("eligible_expenditure_fen")),
    ("补助基数（元）", _yuan("base_fen")),
    ("补助金额（元）", _yuan("award_fen")),
    ("待核金额（元）", _yuan("held_fen")),
    ("应付金额（元）", _yuan("payable_fen")),
    ("原因", _words("reasons")),
    ("提示", _words("flags")),
    ("本次差额（元）", _yuan("adjustment_fen")),
)


def csv_row(cells: Sequence[str]) -> bytes:
    """Return one row of the file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().encode()
