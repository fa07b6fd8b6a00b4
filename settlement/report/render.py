"""One settlement as one file, a portion of bytes after the other."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, Final

from meter.regions import FILTER_WORDS, in_region, region_prefix
from settlement.report.cities import city_sheet
from settlement.report.csv_file import csv_blocks
from settlement.report.form import by_department, form_notes, form_tables, form_title, summary_sheet
from settlement.report.json_file import form_blocks, lines_blocks, rows_blocks, settlement_block
from settlement.report.lines import lines_sheet, survey_of
from settlement.report.notice import notice_sheet
from settlement.report.parquet_file import parquet_blocks
from settlement.report.sheet import Sheet
from settlement.report.source import Given, Source
from settlement.report.survey import Survey
from settlement.report.workbook import workbook_blocks
from settlement.rounds import Round

FORMATS: Final = ("xlsx", "csv", "json", "parquet")
LAYOUTS: Final = ("summary", "lines", "city", "notice")
MEDIA_TYPES: Final[Mapping[str, str]] = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
# what every file of a format begins with: it leaves before a line is looked at
_BEGINNINGS: Final[Mapping[str, bytes]] = {"xlsx": b"PK\x03\x04", "csv": b"\xef\xbb\xbf", "parquet": b"PAR1"}


class NotAReport(Exception):
    """What was asked for is no report: HTTP status, stable code, and what there is."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


def check_asked(form: str, layout: str | None, region: str | None = None) -> None:
    """Raise NotAReport for an unknown format or layout, and for what names no region."""
    if form not in FORMATS:
        raise NotAReport(404, "no_such_format", f"a report is {', '.join(FORMATS)}, not {form[:16]!r}")
    if layout is not None and layout not in LAYOUTS:
        raise NotAReport(400, "no_such_layout", f"a report's layout is {', '.join(LAYOUTS)}, not {layout[:16]!r}")
    try:
        region_prefix(region or "34")
    except ValueError:
        raise NotAReport(400, "bad_region", f"a report's region is {FILTER_WORDS}") from None


def report_blocks(
    form: str,
    layout: str | None,
    settlement: Mapping[str, Any],
    source: Source,
    of_round: Round,
    region: str | None = None,
) -> Generator[bytes, None, None]:
    """Yield the file. `form` is one of FORMATS; `layout` one of LAYOUTS, or None for everything the format can hold
    (csv and parquet hold one table: the lines).

    `settlement` is the contract's object; it may also carry `receipt`, `matches` and `created_at`. `source` has the
    lines of the `region` (340100: the city with its counties), or all. Memory is bounded whatever their number.
    """
    blocks = _blocks(form, layout, settlement, source, of_round, region)
    if form in _BEGINNINGS:
        yield _BEGINNINGS[form]
        first = next(blocks)
        assert first.startswith(_BEGINNINGS[form]), f"a file of {form} begins in another way"
        yield first[len(_BEGINNINGS[form]) :]
    yield from blocks


def _blocks(
    form: str,
    layout: str | None,
    settlement: Mapping[str, Any],
    source: Source,
    of_round: Round,
    region: str | None,
) -> Iterator[bytes]:
    matches: Sequence[Mapping[str, Any]] = settlement.get("matches") or ()
    if region:
        matches = [match for match in matches if in_region(match["city"], region)]
    with Survey(by_city=by_department(of_round)) as survey:
        if form == "xlsx":
            yield from workbook_blocks(layout, settlement, source, survey, matches, of_round, region)
        elif form == "json":
            yield from _json(layout, settlement, source, survey, matches, of_round, region)
        else:
            people = form == "csv"
            sheet = _sheet(layout or "lines", source, survey, matches, of_round, people=people)
            yield from csv_blocks(sheet) if people else parquet_blocks(sheet)


def render(
    form: str,
    layout: str | None,
    settlement: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    excluded: Mapping[str, Sequence[Mapping[str, Any]]],
    of_round: Round,
    region: str | None = None,
) -> bytes:
    """Return the file of lines that are in memory: `lines` sorted by uscc, `excluded` by uscc; `region` keeps the
    seats in it. Raises NotAReport."""
    check_asked(form, layout, region)
    if region:
        lines = [line for line in lines if in_region(line.get("region"), region)]
    return b"".join(report_blocks(form, layout, settlement, Given(lines, excluded), of_round, region))


def _sheet(
    layout: str,
    source: Source,
    survey: Survey,
    matches: Sequence[Mapping[str, Any]],
    of_round: Round,
    *,
    people: bool,
) -> Sheet:
    if layout == "lines":
        return lines_sheet(source, of_round, people=people)
    survey_of(source, survey)
    if layout == "city":
        return city_sheet(survey, of_round, adjusted=source.adjusted, people=people)
    if layout == "notice":
        return notice_sheet(survey, of_round)
    return summary_sheet(form_tables(survey, matches, of_round), of_round)


def _json(
    layout: str | None,
    settlement: Mapping[str, Any],
    source: Source,
    survey: Survey,
    matches: Sequence[Mapping[str, Any]],
    of_round: Round,
    region: str | None,
) -> Iterator[bytes]:
    yield settlement_block(settlement)
    if layout != "lines":
        survey_of(source, survey)
    if layout in (None, "summary"):
        tables = form_tables(survey, matches, of_round, region)
        yield from form_blocks(form_title(of_round), form_notes(of_round, tables, adjusted=source.adjusted), tables)
    if layout in (None, "city"):
        yield b',"cities":'
        yield from rows_blocks(city_sheet(survey, of_round, adjusted=source.adjusted))
    if layout == "notice":
        yield b',"notice":'
        yield from rows_blocks(notice_sheet(survey, of_round))
    if layout in (None, "lines"):
        yield from lines_blocks(source)
    yield b"}\n"
