"""The notice's own summary sheet (汇总表, R-TABLE): its tables, what stands in their cells, and what is inferred.

A cell the notice asks for and the service does not know stays empty; where the annex is not published the layout is our
own and says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from meter.regions import concerned
from settlement.report.labels import city_name, city_names
from settlement.report.sheet import Column, Kind, Sheet
from settlement.report.survey import EVERYWHERE, Survey
from settlement.rounds import Form, Round

TITLE = {"anhui-2024-1": "兑现项目汇总表", "anhui-2026": "兑现申报（汇总）表"}  # the headings of the annexes
MATCH_CLAUSE = "一、强化智能算力供给（一）加快智算中心建设。"
NO_TEMPLATE = "本批次通知的附件2（样表）未公布：本表为占位版式，不是官方样表，收到样表后请替换。"
NOTHING_REQUESTED = "本表没有拟申请兑现的金额。"
NIL = "本批次无拟申请兑现的项目（零申报）。"
SIGNATURES = ("填表人（签字）：", "审核人（签字）：", "负责人（签字）：", "填报日期：　　　年　　月　　日")
UNLISTED = "通知未列归口管理部门"


@dataclass(frozen=True)
class FormTable:
    """One table of the form: for which city (empty: the province), its department and telephone as the annex has them,
    what stands above it, its sheet, its sum in fen, and how many lines of the settlement are in it."""

    region: str
    city: str
    department: str
    telephone: str
    head: tuple[str, ...]
    sheet: Sheet
    sum_fen: int
    lines: int


def form_title(of_round: Round) -> str:
    """Return the heading of the form."""
    return TITLE.get(of_round.id, "兑现金额汇总（占位版式）")


def form_notes(of_round: Round, tables: Sequence[FormTable], *, adjusted: bool) -> list[str]:
    """Return what a reader must know of the form: what is inferred, what is left empty, what is missing."""
    form = of_round.form
    notes = []
    if form is None or not form.columns:
        notes.append(NO_TEMPLATE)
    if form is not None:
        notes.append(f"“依据条款”一栏为推定：{form.clause_cell_ext}。")
        notes.append("“项目名称”一栏填算力使用方名称（推定：通知没有规定）。")
    if form is not None and "项目联系人" in "".join(form.columns):
        notes.append("“项目联系人及联系方式”一栏填归口管理部门及通知所列电话（推定：企业联系人不在本系统登记）。")
    if adjusted:
        notes.append("同一批次此前已有锁定的结算：金额为与前次结算的差额，负数表示应退回。")
    if not any(table.lines for table in tables):
        notes.append(NOTHING_REQUESTED)
    return notes


def by_department(of_round: Round) -> bool:
    """Return whether the form has a table for each administering department, and not one for the province."""
    return of_round.form is not None and of_round.form.per == "administering_department"


def form_tables(
    survey: Survey, matches: Sequence[Mapping[str, Any]], of_round: Round, region: str | None = None
) -> list[FormTable]:
    """Return the tables of the form: one for each administering department, also where nothing is asked for, or one
    for the province. Lines without money are left out; lines keep their order inside a table. With a `region`, the
    departments are those of its cities."""
    if not by_department(of_round):
        return [_table(EVERYWHERE, survey, [match for match in matches if match["award_fen"]], of_round)]
    listed = {city.code for city in of_round.cities if concerned(city.code, region)}
    return [_table(code, survey, (), of_round) for code in sorted(listed | set(survey.requests.heights))]


def _table(region: str, survey: Survey, matches: Sequence[Mapping[str, Any]], of_round: Round) -> FormTable:
    columns = _columns(of_round)
    lines = survey.requests.heights.get(region, 0)
    city, department, telephone = _department(region, of_round)
    contact = f"{department} {telephone}".strip() if telephone else None

    def frames() -> Iterator[pl.DataFrame]:
        number = 0
        for asked in survey.requests.frames(region):
            yield sheet.typed(_rows(asked, number, of_round, contact))
            number += asked.height
        if matches:
            yield sheet.typed(_match_rows(matches, number, of_round))

    sheet = Sheet("申报汇总表", columns, lines + len(matches), frames)
    head = _head(of_round.form, department, telephone) if by_department(of_round) else ()
    asked_fen = survey.requested_fen[region] + sum(match["award_fen"] for match in matches)
    return FormTable(region, city, department, telephone, head, sheet, asked_fen, lines)


def _rows(asked: pl.DataFrame, number: int, of_round: Round, contact: str | None) -> pl.DataFrame:
    """Return what the form's columns can hold, of lines that ask for something; `number` rows stand before them."""
    named = pl.when(pl.col("name").fill_null("") == "").then(pl.col("uscc")).otherwise(pl.col("name"))
    return asked.select(
        number=pl.int_range(number + 1, number + 1 + asked.height, dtype=pl.Int64),
        city=city_names(of_round, asked["region"]),
        project=named,
        clause=pl.lit(of_round.form.clause_cell if of_round.form else None, dtype=pl.String),
        city_paid=pl.lit(None, dtype=pl.Int64),
        claimed=pl.col("requested_fen"),
        contact=pl.lit(contact, dtype=pl.String),
    )


def _match_rows(matches: Sequence[Mapping[str, Any]], number: int, of_round: Round) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "number": list(range(number + 1, number + 1 + len(matches))),
            "city": [city_name(of_round, match["city"]) for match in matches],
            "project": [f"智算中心建设 {match['id']}" for match in matches],
            "clause": MATCH_CLAUSE,
            "city_paid": [match["city_paid_fen"] for match in matches],
            "claimed": [match["award_fen"] for match in matches],
            "contact": None,
        }
    )


def _columns(of_round: Round) -> tuple[Column, ...]:
    """Return the columns by the notice's heads.

    With no published annex, the fewest that say who gets how much for what.
    """
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
        return Column("contact", head, Kind.TEXT, 34)
    assert head in ("项目名称", "单位名称"), f"the form has a column nobody fills: {head}"
    return Column("project", head, Kind.TEXT, 40)


def _department(region: str, of_round: Round) -> tuple[str, str, str]:
    """Return a city's name, the department that stamps its form, and its telephone from the annex."""
    if not by_department(of_round):
        return "", "", ""
    known = {city.code: city for city in of_round.cities}
    city = known.get(region)
    if city is not None:
        return city.name, f"{city.name}科技局", city.contact or ""
    name = city_name(of_round, region)
    return name, f"（{name}：{UNLISTED}）", ""


def _head(form: Form | None, department: str, telephone: str) -> tuple[str, ...]:
    """Return what stands above a department's table, in the notice's words."""
    assert form is not None
    if not form.head:
        return (f"归口管理部门：{department}",)
    return tuple(f"{head}：{department if '部门' in head else telephone}" for head in form.head)


def summary_sheet(tables: Sequence[FormTable], of_round: Round) -> Sheet:
    """Return all tables of the form as one, the department in front: for files that hold a single table."""
    columns = _columns(of_round)
    count = sum(table.sheet.count for table in tables)
    if not by_department(of_round):
        return Sheet("申报汇总表", columns, count, tables[0].sheet.frames)

    def frames() -> Iterator[pl.DataFrame]:
        for table in tables:
            for rows in table.sheet.frames():
                yield rows.select(pl.lit(table.department).alias("department"), *rows.columns)

    department = Column("department", "归口管理部门", Kind.TEXT, 16)
    return Sheet("申报汇总表", (department, *columns), count, frames)


def departments_sheet(tables: Sequence[FormTable]) -> Sheet:
    """Return who has a form and what each asks for, with the sum."""
    columns = (
        Column("number", "序号", Kind.COUNT, 7),
        Column("department", "归口管理部门", Kind.TEXT, 34),
        Column("telephone", "联系方式", Kind.CODE, 18),
        Column("lines", "项目数", Kind.COUNT, 10),
        Column("claimed", "拟申请兑现金额", Kind.WAN, 24),
        Column("remark", "备注", Kind.TEXT, 16),
    )
    rows = [
        [number, table.department, table.telephone, table.lines, table.sum_fen, "" if table.lines else "零申报"]
        for number, table in enumerate(tables, start=1)
    ]
    made = Sheet.of("申报汇总表", columns, rows)
    sums = {"lines": sum(table.lines for table in tables), "claimed": sum(table.sum_fen for table in tables)}
    return Sheet(made.title, columns, made.count, made.frames, lambda: {"department": "合计", **sums})
