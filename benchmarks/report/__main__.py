"""Renders an invented settlement's reports; `report.xlsx_vs_bare` is our workbook's time over bare xlsxwriter's."""

from __future__ import annotations

import argparse
import io
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import xlsxwriter
from python_calamine import CalamineWorkbook

from settlement.report import FORMATS, render
from settlement.rounds import load_rounds
from tests.support.records import uscc

RUNS = 5
CITIES = ("340100", "340200", "340300", "341300", "341800")


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    chosen = parser.parse_args()
    count = 2_000 if chosen.quick else 20_000
    lines = [line(number) for number in range(count)]
    settlement = {
        "id": "anhui-2026-0001", "round": "anhui-2026", "status": "computed", "as_of": 1, "order": {"rate": "0.2"},
        "readings": {}, "digest": "sm3:00", "created_at": "2026-05-01T00:00:00+00:00",
        "totals": {"award_fen": sum(one["award_fen"] for one in lines), "held_fen": 0, "payable_fen": 0},
    }  # fmt: skip
    of_round = load_rounds()["anhui-2026"]

    def ours(form: str) -> bytes:
        return render(form, None, settlement, lines, {}, of_round)

    cells = sheet_cells(ours("xlsx"))
    seconds = {form: median(lambda form=form: ours(form)) for form in FORMATS}  # type: ignore[misc]
    bare = median(lambda: bare_workbook(cells))
    figures = {"report.xlsx_vs_bare": round(seconds["xlsx"] / bare, 2)}
    chosen.json.write_text(
        json.dumps({"figures": figures, "lines": count, "seconds": seconds, "bare_xlsxwriter_seconds": bare})
    )


def line(number: int) -> dict[str, Any]:
    """Return one line of the contract's shape."""
    award, code = (number * 7_919_317) % 10**9, uscc(number)
    return {
        "uscc": code, "name": f"示例单位{number}", "region": CITIES[number % 5],
        "consumed_pflops_hours": f"{number}.5", "supplied_pflops_hours": "0", "net_pflops_hours": f"{number}.5",
        "group": code, "group_consumed_pflops_hours": f"{number}.5",
        "group_supplied_pflops_hours": "7/36", "eligible_expenditure_fen": award * 5, "base_fen": award * 5,
        "award_fen": award, "held_fen": 0, "payable_fen": award, "reasons": [], "flags": ["NO_EXPENDITURE_EVIDENCE"],
    }  # fmt: skip


def sheet_cells(workbook: bytes) -> list[list[list[Any]]]:
    """Return the cells of every sheet, so that the bare library writes exactly as many."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(workbook))
    return [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]


def bare_workbook(sheets: list[list[list[Any]]]) -> bytes:
    """Return the same cells without form, format or check."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        for rows in sheets:
            sheet = book.add_worksheet()
            for row, cells in enumerate(rows):
                for column, cell in enumerate(cells):
                    sheet.write_string(row, column, str(cell))
    return target.getvalue()


def median(work: Callable[[], object]) -> float:
    """Return the median of some runs, in seconds."""
    taken = []
    for _ in range(RUNS):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return round(statistics.median(taken), 4)


if __name__ == "__main__":
    main()
