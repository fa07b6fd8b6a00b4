"""A workbook and a csv go through LibreOffice and come back: no formula, every text still a text."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from settlement.report import render
from settlement.rounds import load_rounds
from tests.report import example
from tests.support.debian import program

ROUND = load_rounds()["anhui-2026"]
DIGITS = "123400004850012345"
LINES = [
    *example.lines(),
    example.line(DIGITS, "=1+1", "340100", 5, net_pflops_hours="-3607/9"),
]


@pytest.fixture(scope="module")
def returned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Both files as LibreOffice writes them again."""
    office = program("soffice", "libreoffice-calc-nogui")
    folder = tmp_path_factory.mktemp("office")
    found = {}
    for kind, reading in (("xlsx", []), ("csv", ["--infilter=CSV:44,34,76,1"])):  # comma, quote, UTF-8, first line
        file = folder / f"lines.{kind}"
        file.write_bytes(render(kind, "lines", example.settlement(), LINES, example.excluded(), ROUND))
        out = folder / f"from-{kind}"
        profile = f"-env:UserInstallation=file://{folder}/profile"
        command = [
            str(office),
            profile,
            "--headless",
            *reading,
            "--convert-to",
            "xlsx",
            "--outdir",
            str(out),
            str(file),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        found[kind] = openpyxl.load_workbook(io.BytesIO(Path(out, "lines.xlsx").read_bytes()))
    return found


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_texts_survive_and_nothing_is_a_formula(returned: dict[str, Any], kind: str) -> None:
    sheets = returned[kind].worksheets
    assert not [cell for sheet in sheets for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    heads = [cell.value for cell in sheets[0][1]]
    (row,) = [row for row in sheets[0].iter_rows() if str(row[0].value).strip() == DIGITS]
    of = dict(zip(heads, row, strict=True))
    assert of["统一社会信用代码"].data_type == "s"
    assert of["单位名称"].value.removeprefix("'") == "=1+1"
    assert of["集团算力被使用量精确值"].value.strip() == "3607/9"
    assert of["算力补助量精确值"].value.removeprefix("'") == "-3607/9"
    assert of["算力补助量（P时）"].value == -400.777778
    assert of["应付金额（元）"].value == 0.05
