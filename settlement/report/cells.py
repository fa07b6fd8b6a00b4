"""The rows of a worksheet as XML: many rows at once, column by column, every cell with its stated type."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl
from xlsxwriter.utility import xl_col_to_name

from settlement.report.about import LARGEST_NUMBER_FEN
from settlement.report.money import FEN_PER_WAN, decimals, wan_text, yuan_text
from settlement.report.reason_words import titles
from settlement.report.safe import DANGEROUS
from settlement.report.sheet import MONEY, Column, Kind, Sheet

LONGEST_TEXT: Final = 32_767  # what a cell can hold
CUT: Final = "…（已截断）"
LINE_POINTS: Final = 15
MOST_LINES: Final = 20
_NUMBERS: Final = (*MONEY, Kind.COUNT, Kind.NUMBER)
_NOT_IN_XML: Final = "[\ufffe\uffff]"
# what XML has no character for, and what a reader would take for such a character
_CONTROL: Final = "_x[0-9a-fA-F]{4}_|[\x00-\x08\x0b-\x1f]"
_BLANK_AT_AN_END: Final = r"^\s|\s$"
_HALF_WIDE: Final = "[\u0000-\u2e80]"
_BETWEEN_CODES: Final = "\x1f"
_EXACT: Final = {Kind.WAN: (FEN_PER_WAN, 6), Kind.YUAN: (100, 2)}
_WORDS: Final = {Kind.WAN: wan_text, Kind.YUAN: yuan_text}


@dataclass(frozen=True)
class CellStyles:
    """The numbers of the formats that the cells of a table have."""

    text: int
    quoted: int
    code: int
    exact: int
    number: dict[Kind, int]

    def of(self, kind: Kind) -> int:
        """Return the number of the format of a column's cells."""
        texts = {Kind.TEXT: self.text, Kind.CODES: self.text, Kind.CODE: self.code, Kind.QUANTITY: self.exact}
        return texts[kind] if kind in texts else self.number[kind]


def rows_xml(sheet: Sheet, frame: pl.DataFrame, above: int, styles: CellStyles, widths: Sequence[int]) -> bytes:
    """Return the rows of one of the sheet's frames, below `above` other rows, in columns of so many characters."""
    shown = frame.select(_shown(frame[one.name], one.kind) for one in sheet.columns)
    cells = []
    for place, column in enumerate(sheet.columns):
        make = _number_cells if column.kind in _NUMBERS else _text_cells
        cells.append(make(shown[column.name], column.kind, styles).alias(f"cell {place}"))
    number = pl.int_range(above + 1, above + 1 + frame.height, dtype=pl.Int64).cast(pl.String)
    known = shown.select(number.alias("row"), _heights(sheet.columns, widths).alias("height")).with_columns(cells)
    pieces: list[str | pl.Expr] = ['<row r="', pl.col("row"), f'" spans="1:{len(sheet.columns)}" ht="']
    pieces += [pl.col("height"), '" customHeight="1">']
    for place in range(len(sheet.columns)):
        pieces += [f'<c r="{xl_col_to_name(place)}', pl.col("row"), pl.col(f"cell {place}")]
    pieces.append("</row>")
    return "".join(known.select(_joined(*pieces))["joined"].to_list()).encode()


def _joined(*pieces: str | pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit(one) if isinstance(one, str) else one for one in pieces).alias("joined")


def _shown(values: pl.Series, kind: Kind) -> pl.Series:
    """Return what a column's cells show: what XML cannot hold is replaced, what a cell cannot hold is cut and says
    so."""
    if kind in _NUMBERS:
        return values
    if kind is Kind.CODES:
        values = code_titles(values)
    text = pl.col(values.name).fill_null("").str.replace_all(_NOT_IN_XML, "\ufffd")
    cut = text.str.head(LONGEST_TEXT - len(CUT)) + CUT
    return values.to_frame().select(pl.when(text.str.len_chars() > LONGEST_TEXT).then(cut).otherwise(text)).to_series()


def code_titles(codes: pl.Series) -> pl.Series:
    """Return the short names of each list of codes, one after the other."""
    joined = codes.list.join(_BETWEEN_CODES)
    unlike = joined.unique().to_list()
    words = [titles(one.split(_BETWEEN_CODES) if one else []) for one in unlike]
    return joined.replace_strict(unlike, words, return_dtype=pl.String) if unlike else joined


def _heights(columns: Sequence[Column], widths: Sequence[int]) -> pl.Expr:
    """Return the height of each row in points: no program is asked to guess how many lines a text needs."""
    one = pl.lit(1, dtype=pl.Int64)
    needed = [one]
    for column, width in zip(columns, widths, strict=True):
        if column.kind in (Kind.TEXT, Kind.CODES):
            text, room = pl.col(column.name), max(width - 1, 1)
            length = text.str.len_chars().cast(pl.Int64)
            wide = 2 * length - text.str.count_matches(_HALF_WIDE).cast(pl.Int64)
            lines = pl.min_horizontal(1 + wide // room, pl.lit(MOST_LINES, dtype=pl.Int64))
            needed.append(pl.when(2 * length < room).then(one).otherwise(lines))
    return (LINE_POINTS * pl.max_horizontal(needed) + 3).cast(pl.String)


def _text_cells(texts: pl.Series, kind: Kind, styles: CellStyles) -> pl.Series:
    """Return what follows a cell's reference. Free text that begins like a formula keeps its quote, so that editing
    the cell does not bring it to life."""
    text, escaped = pl.col("text"), pl.col("escaped")
    frame = pl.DataFrame({"text": texts, "escaped": _escaped(texts)})
    keeping = ' xml:space="preserve"' if texts.str.contains(_BLANK_AT_AN_END).any() else ""
    style = pl.lit(f'" s="{styles.of(kind)}"')
    if kind is Kind.TEXT:
        style = pl.when(text.str.contains(DANGEROUS)).then(pl.lit(f'" s="{styles.quoted}"')).otherwise(style)
    made = _joined(style, f' t="inlineStr"><is><t{keeping}>', escaped, "</t></is></c>")
    if kind is Kind.TEXT:
        made = pl.when(text == "").then(_joined(style, "/>")).otherwise(made)
    return frame.select(made.alias("cell")).to_series()


def _escaped(texts: pl.Series) -> pl.Series:
    """Return texts as they stand in XML."""
    if texts.str.contains(_CONTROL).any():
        texts = pl.Series(texts.name, [_without_controls(one) for one in texts], dtype=pl.String)
    for character, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        texts = texts.str.replace_all(character, written, literal=True)
    return texts


def _without_controls(text: str) -> str:
    """Return a text with every control character as the format writes it, _x0001_, and the look of one kept apart."""
    return re.sub(_CONTROL, lambda one: "_x005F" + one[0] if len(one[0]) > 1 else f"_x{ord(one[0]):04X}_", text)


def _number_cells(values: pl.Series, kind: Kind, styles: CellStyles) -> pl.Series:
    """Return what follows a cell's reference: money is a number as far as a spreadsheet's numbers are exact (see
    LARGEST_NUMBER_FEN), else text.

    The decimal that stands there is the exact amount; its nearest double, rounded to the fen, gives the amount again.
    """
    value, style = pl.col(values.name), f'" s="{styles.of(kind)}"'
    number = value.cast(pl.String)
    if kind in _EXACT:
        number = decimals(value, *_EXACT[kind]).str.strip_chars_end("0").str.strip_suffix(".")
    made = _joined(f"{style}><v>", number, "</v></c>")
    made = pl.when(value.is_null()).then(pl.lit(f"{style}/>")).otherwise(made)
    beyond = (values.abs() > LARGEST_NUMBER_FEN).fill_null(value=False) if kind in MONEY else None
    if beyond is not None and beyond.any():
        words = [_WORDS.get(kind, str)(one) if far else "" for one, far in zip(values, beyond, strict=True)]
        written = _joined(f'{style} t="inlineStr"><is><t>', pl.lit(pl.Series(words)), "</t></is></c>")
        made = pl.when(pl.lit(beyond)).then(written).otherwise(made)
    return values.to_frame().select(made.alias("cell")).to_series()
