"""One settlement as the bytes of one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from meter.regions import FILTER_WORDS, in_region, region_prefix
from settlement.report.cities import city_sheet
from settlement.report.csv_file import csv_bytes
from settlement.report.form import form_notes, form_tables, form_title, summary_sheet
from settlement.report.json_file import form_value, json_bytes, lines_value, sheet_value
from settlement.report.lines import lines_sheet
from settlement.report.parquet_file import parquet_bytes
from settlement.report.sheet import Sheet
from settlement.report.workbook import workbook_bytes
from settlement.rounds import Round

FORMATS: Final = ("xlsx", "csv", "json", "parquet")
LAYOUTS: Final = ("summary", "lines", "city")
WITH_EXCLUDED: Final = ("xlsx", "json")  # formats that show the use which does not count
MEDIA_TYPES: Final[Mapping[str, str]] = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}


class NotAReport(Exception):
    """What was asked for is no report: HTTP status, stable code, and what there is."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


def render(
    form: str,
    layout: str | None,
    settlement: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    excluded: Mapping[str, Sequence[Mapping[str, Any]]],
    of_round: Round,
    region: str | None = None,
) -> bytes:
    """The file. `form` is one of FORMATS; `layout` one of LAYOUTS, or None for everything the format can hold (csv and
    parquet hold one table: the lines; a workbook always holds everything and opens at the layout).

    `settlement` and `lines` (sorted by uscc) are the contract's objects; the settlement may also carry `receipt`,
    `matches` and `created_at`. `excluded` is by uscc. `region` keeps the seats in it (340100: the city with its
    counties). Raises NotAReport for an unknown format or layout,
    and for what names no region."""
    if form not in FORMATS:
        raise NotAReport(404, "no_such_format", f"a report is {', '.join(FORMATS)}, not {form[:16]!r}")
    if layout is not None and layout not in LAYOUTS:
        raise NotAReport(400, "no_such_layout", f"a report's layout is {', '.join(LAYOUTS)}, not {layout[:16]!r}")
    try:
        region_prefix(region or "34")
    except ValueError:
        raise NotAReport(400, "bad_region", f"a report's region is {FILTER_WORDS}") from None
    matches: Sequence[Mapping[str, Any]] = settlement.get("matches") or ()
    if region:
        lines = [line for line in lines if in_region(line.get("region"), region)]
        matches = [match for match in matches if in_region(match["city"], region)]
    if form == "xlsx":
        return workbook_bytes(layout, settlement, lines, excluded, matches, of_round, region)
    if form == "json":
        return _json(layout, settlement, lines, excluded, matches, of_round)
    sheet = _sheet(layout or "lines", lines, matches, of_round)
    if form == "parquet":
        return parquet_bytes(sheet)
    return csv_bytes(sheet, heads=layout == "summary")


def _sheet(
    layout: str, lines: Sequence[Mapping[str, Any]], matches: Sequence[Mapping[str, Any]], of_round: Round
) -> Sheet:
    if layout == "summary":
        return summary_sheet(form_tables(lines, matches, of_round), of_round)
    return city_sheet(lines, of_round) if layout == "city" else lines_sheet(lines)


def _json(
    layout: str | None,
    settlement: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    excluded: Mapping[str, Sequence[Mapping[str, Any]]],
    matches: Sequence[Mapping[str, Any]],
    of_round: Round,
) -> bytes:
    value: dict[str, Any] = {"settlement": dict(settlement)}
    if layout in (None, "summary"):
        tables = form_tables(lines, matches, of_round)
        value["summary"] = form_value(form_title(of_round), form_notes(of_round, lines), tables)
    if layout in (None, "city"):
        value["cities"] = sheet_value(city_sheet(lines, of_round))
    if layout in (None, "lines"):
        value["lines"] = lines_value(lines, excluded)
    return json_bytes(value)
