"""Workbooks put together by hand, part by part, so that they can be wrong in ways that no library writes."""

from __future__ import annotations

import io
import zipfile
from xml.sax.saxutils import escape

from tests.fuzz.chance import Chance

HEADS = ("交易日期", "借方金额", "贷方金额", "交易流水号", "对方户名", "对方账号", "摘要")
_XML = '<?xml version="1.0" encoding="UTF-8"?>'
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def _related(target: str, kind: str) -> str:
    one = f'<Relationship Id="rId1" Type="{_OFFICE}/{kind}" Target="{target}"/>'
    return f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{one}</Relationships>'


def workbook_of(sheet: str) -> bytes:
    """A workbook of one sheet, given as the XML inside `worksheet`."""
    parts = {
        "[Content_Types].xml": f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>',
        "_rels/.rels": _related("xl/workbook.xml", "officeDocument"),
        "xl/workbook.xml": f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
        '<sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _related("worksheets/sheet1.xml", "worksheet"),
        "xl/worksheets/sheet1.xml": f'{_XML}<worksheet xmlns="{_MAIN}">{sheet}</worksheet>',
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in parts.items():
            packed.writestr(name, text)
    return out.getvalue()


def cell(place: str, text: str, kind: str = "inlineStr") -> str:
    """A cell at a place, such as A1."""
    inner = f"<is><t>{escape(text)}</t></is>" if kind == "inlineStr" else f"<v>{escape(text)}</v>"
    return f'<c r="{place}" t="{kind}">{inner}</c>'


def far_away(place: str) -> bytes:
    """A kilobyte with one cell at A1 and one at a place."""
    digits = "".join(letter for letter in place if letter.isdigit())
    rows = f'<row r="1">{cell("A1", "x")}</row><row r="{digits}">{cell(place, "x")}</row>'
    return workbook_of(f"<sheetData>{rows}</sheetData>")


def drawn(chance: Chance) -> bytes:
    """A statement as a workbook, nearly as banks write them."""
    heads = "".join(cell(f"{'ABCDEFG'[place]}1", head) for place, head in enumerate(HEADS))
    rows = [f'<row r="1">{heads}</row>']
    for number in range(2, 2 + chance.pick((1, 1, 2))):
        good = chance.once_in(2)
        amount = "1.00" if good else chance.pick(("1.00", "0.29", "1e308", "-5", "NaN", "9" * 40, "", "1e-5"))
        day = "2026-12-01" if good else chance.pick(("2026-12-01", "46000", "1e9", "-1", "", "0", "2958466"))
        kind = chance.pick(("inlineStr", "n", "str", "b", "e", "d", "s", "x"))
        cells = cell(f"A{number}", day, "inlineStr" if good else kind)
        cells += cell(f"B{number}", amount, "n" if good else kind)
        cells += cell(f"D{number}", f"F{number}") + cell(
            f"G{number}" if good else chance.pick(("G9", "AZ3", "1", "G", "")), "x"
        )
        rows.append(f'<row r="{number if good else chance.pick((number, 0, -1))}">{cells}</row>')
    raw = workbook_of(f"<sheetData>{''.join(rows)}</sheetData>")
    return chance.broken(raw) if chance.once_in(3) else raw
