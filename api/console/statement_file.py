"""The calculation statement as a PDF on two A4 sides, its letters inside; typeset from texts alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import typst
from noto_cjk_sans_otc import FONT_PATH

from api.console.drawing.receipt_code import receipt_svg
from api.console.wording.quantity import shown
from api.console.wording.release import releases_of
from api.console.wording.steps import ShownStep
from settlement.report.about import moment_text, window_text
from settlement.report.labels import STATUS, city_name
from settlement.report.money import yuan_text
from settlement.report.reason_words import Word, word_of
from settlement.rounds import Round

TEMPLATE: Final = Path(__file__).parent / "templates" / "statement.typ"
SIDES: Final = 2
SIZES: Final = ("9", "8", "7", "6", "5")
"""Of the letters, in points: the first with which it is two sides, else the last."""


@dataclass(frozen=True)
class Statement:
    """What a statement says: page and file are made of it."""

    settlement: Mapping[str, Any]
    round: Round
    line: Mapping[str, Any]
    steps: Sequence[ShownStep]
    number: str
    receipt: str
    final: bool
    reasons: Sequence[Word]
    with_digest: bool


def statement_pdf(statement: Statement) -> bytes:
    """Return the file; the same statement is the same bytes. It takes a part of a second: call it in a thread."""
    compiler = typst.Compiler(TEMPLATE, root=TEMPLATE.parent, font_paths=_letters())
    told = json.dumps(_facts(statement), ensure_ascii=False)
    computed = datetime.fromisoformat(statement.settlement["created_at"]).replace(microsecond=0)
    for size in SIZES:
        made = compiler.compile(format="pdf", sys_inputs={"facts": told, "size": size}, timestamp=computed)
        if int(compiler.query("<sides>", field="value", one=True)) <= SIDES:
            break
    assert isinstance(made, bytes)
    return made


@cache
def _letters() -> typst.Fonts:
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[Path(str(FONT_PATH)).parent]
    )


def _facts(said: Statement) -> dict[str, Any]:
    """Return everything that stands on the statement, as texts."""
    settlement, line = said.settlement, said.line
    number = (settlement.get("order") or {}).get("number")
    about = f"{said.round.title}　统计期 {window_text(said.round)}"
    return {
        "title": f"算力补助计算说明 {said.number}",
        "number": said.number,
        "computed": moment_text(settlement["created_at"]),
        "warning": "" if said.final else f"{STATUS[settlement['status']]}，未锁定，金额可能变化。",
        "about": f"{about}　{number}" if number else about,
        "who": line["name"] or "（未登记）",
        "uscc": line["uscc"],
        "seat": city_name(said.round, line["region"]),
        "code": receipt_svg(said.receipt),
        "code_has": "和摘要" if said.with_digest else "",
        "amounts": _amounts(settlement, line),
        "steps": [
            [f"{at}. {one.title}", one.formula or "，".join(value.text for value in one.after),
             one.source or one.beyond]
            for at, one in enumerate(said.steps, start=1)
        ],
        "excluded": [
            [word_of(one["reason"]).title, "待核" if one.get("status") == "held" else "不计入",
             shown(one["pflops_hours"], 3).text, yuan_text(one["charge_fen"])]
            for one in line.get("excluded") or ()
        ],
        "reasons": [[word.title, word.meaning] for word in said.reasons],
        "releases": [[one.title, f"{one.condition}；{one.who}。"] for one in releases_of(line)],
        "digest": settlement["digest"],
        "as_of": str(settlement["as_of"]),
    }  # fmt: skip


def _amounts(settlement: Mapping[str, Any], line: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    """Return head, text and whether it is the one that counts, of each amount."""
    found = [("应付金额（元）", yuan_text(line["payable_fen"]), not settlement["adjusts"])]
    if settlement["adjusts"]:
        due = line.get("adjustment_fen", line["payable_fen"])
        found.insert(0, (f"本次差额（元，对 {settlement['adjusts']}）", yuan_text(due), True))
    found += [(f"{head}（元）", yuan_text(line[name]), False)
              for name, head in (("award_fen", "补助金额"), ("held_fen", "待核金额"),
                                 ("eligible_expenditure_fen", "计入支出"))]  # fmt: skip
    return found
