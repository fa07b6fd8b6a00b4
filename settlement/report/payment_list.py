"""The payment list (支付清单) that a treasury takes: payee, bank, account, amount, reference, purpose.

Accounts stand in it in plain: whoever hands it out has the right to see them.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import xlsxwriter

from settlement.numbers.yuan import plain_yuan
from settlement.report.money import yuan_text
from settlement.report.safe import marked

PURPOSE: Final = "算力补助"
_HEADS: Final = (
    ("序号", 8), ("收款人全称", 40), ("统一社会信用代码", 22), ("收款人开户银行", 30), ("收款人账号", 28),
    ("金额（元）", 18), ("支付参考号", 44), ("用途", 20),
)  # fmt: skip


def payment_list_csv(run: Mapping[str, Any], payments: Sequence[Mapping[str, Any]]) -> bytes:
    """Write the list as CSV: UTF-8 with a byte order mark, every field quoted, a line of the sum at its end.

    A payment has holder, uscc, bank, account, amount_fen and reference.
    """
    rows = [[head for head, _ in _HEADS], *_rows(payments)]
    rows.append(["合计", f"{len(payments)} 笔", "", "", "", plain_yuan(_sum(payments)), f"发放批次 {run['id']}", ""])
    text = "".join(",".join(f'"{_quoted(cell)}"' for cell in row) + "\r\n" for row in rows)
    return b"\xef\xbb\xbf" + text.encode()


def payment_list_xlsx(run: Mapping[str, Any], payments: Sequence[Mapping[str, Any]]) -> bytes:
    """Write the list as a workbook: a title, who proposed and released it, the payments, their sum, places to sign."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(out, options)
    book.set_properties({"title": f"支付清单 {run['settlement']} 第 {run['id']} 批", "created": _created(run)})
    sheet = book.add_worksheet("支付清单")
    title = book.add_format({"bold": True, "font_size": 16, "align": "center"})
    head = book.add_format({"bold": True, "border": 1, "align": "center", "text_wrap": True})
    text = book.add_format({"border": 1, "num_format": "@", "text_wrap": True, "valign": "vcenter"})
    money = book.add_format({"border": 1, "num_format": "#,##0.00", "valign": "vcenter"})
    strong = book.add_format({"border": 1, "bold": True, "num_format": "#,##0.00"})
    sheet.merge_range(0, 0, 0, len(_HEADS) - 1, "支 付 清 单", title)
    for number, said in enumerate(_facts(run, payments), start=1):
        sheet.write_string(number, 0, said)
    first = 5
    for place, (name, width) in enumerate(_HEADS):
        sheet.set_column(place, place, width)
        sheet.write_string(first, place, name, head)
    for number, row in enumerate(_rows(payments), start=first + 1):
        for place, cell in enumerate(row):
            if place == 5:
                # float: a workbook's cell is one; up to 90,071,992,547,409.91 yuan it shows the fen exactly
                sheet.write_number(number, place, float(cell), money)
            else:
                sheet.write_string(number, place, cell, text)
    last = first + 1 + len(payments)
    sheet.write_string(last, 0, "合计", strong)
    sheet.write_string(last, 1, f"{len(payments)} 笔", strong)
    sheet.write_number(last, 5, _sum(payments) / 100, strong)
    sheet.write_string(last + 2, 0, "　　　　　　".join(("经办：", "复核：", "负责人：", "盖章：")))
    sheet.freeze_panes(first + 1, 2)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(first)
    sheet.set_footer(f"&L{run['settlement']} 第 {run['id']} 批&C第 &P 页，共 &N 页&R{run['digest'][:23]}")
    book.close()
    return out.getvalue()


def _facts(run: Mapping[str, Any], payments: Sequence[Mapping[str, Any]]) -> list[str]:
    approved = [event["actor"] for event in run["events"] if event["event"] == "approve"]
    return [
        f"结算 {run['settlement']}　发放批次 {run['id']}",
        f"提出 {run['proposed_by']}　批准发放 {approved[-1] if approved else '（未批准）'}",
        f"共 {len(payments)} 笔，{yuan_text(_sum(payments))} 元　内容摘要 {run['digest']}",
    ]


def _rows(payments: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    return [
        [
            str(number), one["holder"], one["uscc"], one["bank"], one["account"], plain_yuan(one["amount_fen"]),
            one["reference"], PURPOSE,
        ]
        for number, one in enumerate(payments, start=1)
    ]  # fmt: skip


def _sum(payments: Sequence[Mapping[str, Any]]) -> int:
    return sum(one["amount_fen"] for one in payments)


def _quoted(cell: str) -> str:
    return marked(cell).replace('"', '""')


def _created(run: Mapping[str, Any]) -> datetime:
    """The moment of the proposal, so that the same run is the same file."""
    return datetime.fromisoformat(run["proposed_at"]).replace(tzinfo=None, microsecond=0)
