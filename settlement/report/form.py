"""The notice's own summary sheet (汇总表, R-TABLE): its tables, what stands in their cells, and what is inferred.

A cell the notice asks for and the service does not know stays empty; where the annex is not published the layout is our
own and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meter.regions import city_code
from settlement.report.labels import city_name
from settlement.report.sheet import Column, Kind, Sheet
from settlement.rounds import Form, Round

TITLE = {"anhui-2024-1": "兑现项目汇总表", "anhui-2026": "兑现申报（汇总）表"}  # the headings of the annexes
MATCH_CLAUSE = "一、强化智能算力供给（一）加快智算中心建设。"
NO_TEMPLATE = "本批次通知的附件2（样表）未公布：本表为占位版式，不是官方样表，收到样表后请替换。"
NOTHING_REQUESTED = "本表没有拟申请兑现的金额。"


@dataclass(frozen=True)
class FormTable:
    """One table of the form: for which city (empty: the province), what stands above it, its sheet, its sum in fen."""

    region: str
    head: tuple[str, ...]
    sheet: Sheet
    sum_fen: int


def form_title(of_round: Round) -> str:
    """The heading of the form."""
    return TITLE.get(of_round.id, "兑现金额汇总（占位版式）")


def requested_fen(line: Mapping[str, Any]) -> int:
    """What the form asks for: the payable amount, or its difference where an earlier settlement was paid."""
    return int(line["adjustment_fen"] if "adjustment_fen" in line else line["payable_fen"])


def form_notes(of_round: Round, lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a reader must know of the form: what is inferred, what is left empty, what is missing."""
    form = of_round.form
    notes = []
    if form is None or not form.columns:
        notes.append(NO_TEMPLATE)
    if form is not None:
        notes.append(f"“依据条款”一栏为推定：{form.clause_cell_ext}。")
        notes.append("“项目名称”一栏填算力使用方名称（推定：通知没有规定）。")
    if form is not None and "项目联系人" in "".join(form.columns):
        notes.append("项目联系人及联系方式不在本系统中，留空待填。")
    if any("adjustment_fen" in line for line in lines):
        notes.append("同一批次此前已有锁定的结算：金额为与前次结算的差额，负数表示应退回。")
    if not any(requested_fen(line) for line in lines):
        notes.append(NOTHING_REQUESTED)
    return notes


def form_tables(
    lines: Sequence[Mapping[str, Any]], matches: Sequence[Mapping[str, Any]], of_round: Round
) -> list[FormTable]:
    """The tables of the form: one for each administering department, or one for the province. Lines without money
    are left out; lines keep their order inside a table."""
    form = of_round.form
    requested = [line for line in lines if requested_fen(line)]
    if form is None or form.per != "administering_department":
        rows = [_Row(_named(line), line.get("region"), requested_fen(line)) for line in requested]
        rows += [
            _Row(f"智算中心建设 {match['id']}", match["city"], match["award_fen"], match["city_paid_fen"], MATCH_CLAUSE)
            for match in matches
            if match["award_fen"]
        ]
        return [_table("", rows, of_round)]
    by_city: dict[str, list[_Row]] = {}
    for line in requested:
        row = _Row(_named(line), line.get("region"), requested_fen(line))
        by_city.setdefault(city_code(line.get("region")), []).append(row)
    return [_table(code, by_city[code], of_round) for code in sorted(by_city)] or [_table("", [], of_round)]


@dataclass(frozen=True)
class _Row:
    project: str
    region: str | None
    requested_fen: int
    city_paid_fen: int | None = None
    clause: str | None = None


def _named(line: Mapping[str, Any]) -> str:
    return str(line.get("name") or line["uscc"])


def _table(region: str, rows: Sequence[_Row], of_round: Round) -> FormTable:
    columns, cells = _columns(of_round), []
    for number, row in enumerate(rows, start=1):
        values = {
            "number": number,
            "city": city_name(of_round, row.region),
            "project": row.project,
            "clause": row.clause or (of_round.form.clause_cell if of_round.form else None),
            "city_paid": row.city_paid_fen,
            "claimed": row.requested_fen,
            "contact": None,
        }
        cells.append([values[column.name] for column in columns])
    head = _head(of_round.form, region, of_round) if region else ()
    return FormTable(region, head, Sheet("申报汇总表", columns, cells), sum(row.requested_fen for row in rows))


def _columns(of_round: Round) -> tuple[Column, ...]:
    """The columns by the notice's heads; with no published annex, the fewest that say who gets how much for what."""
    heads = of_round.form.columns if of_round.form and of_round.form.columns else ("序号", "单位名称", "金额（万元）")
    return tuple(_column(head) for head in heads)


def _column(head: str) -> Column:
    if head == "序号":
        return Column("number", head, Kind.COUNT, 7)
    if head == "所在市":
        return Column("city", head, Kind.TEXT, 12)
    if head.startswith("依据"):
        return Column("clause", head, Kind.TEXT, 48 if head == "依据条款" else 28)
    if head == "所在市补助金额":
        return Column("city_paid", f"{head}（万元）", Kind.WAN, 20)
    if "金额" in head:
        return Column("claimed", head if "万元" in head else f"{head}（万元）", Kind.WAN, 22)
    if "联系" in head:
        return Column("contact", head, Kind.TEXT, 26)
    assert head in ("项目名称", "单位名称"), f"the form has a column nobody fills: {head}"
    return Column("project", head, Kind.TEXT, 40)


def _head(form: Form | None, region: str, of_round: Round) -> tuple[str, ...]:
    """What stands above a department's table: the department to stamp it, and its telephone from the annex."""
    assert form is not None
    known = {city.code: city for city in of_round.cities}
    city = known.get(region)
    department = f"{city.name}科技局" if city else f"（{city_name(of_round, region)}：通知未列归口管理部门）"
    contact = city.contact or "" if city else ""
    if not form.head:
        return (f"归口管理部门：{department}",)
    return tuple(f"{head}：{department if '部门' in head else contact}" for head in form.head)


def summary_sheet(tables: Sequence[FormTable], of_round: Round) -> Sheet:
    """All tables of the form as one, the department in front: for files that hold a single table."""
    columns = _columns(of_round)
    if len(tables) == 1 and not tables[0].region:
        return Sheet("申报汇总表", columns, tables[0].sheet.rows)
    department = Column("department", "归口管理部门", Kind.TEXT, 16)
    rows = [[_department(table), *row] for table in tables for row in table.sheet.rows]
    return Sheet("申报汇总表", (department, *columns), rows)


def _department(table: FormTable) -> str:
    return table.head[0].partition("：")[2] if table.head else ""
