"""A report as JSON: the settlement, and what the layout asks for, with the contract's names and money as integers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from settlement.report.form import FormTable
from settlement.report.sheet import Sheet
from settlement.report.source import Source


def member(name: str, value: object, *, first: bool = False) -> bytes:
    """Return a member of the document; what stands before it is closed."""
    return (b"{" if first else b",") + msgspec.json.encode(name) + b":" + msgspec.json.encode(value)


def lines_blocks(source: Source) -> Iterator[bytes]:
    """Yield the member of the contract's lines, each with its use that does not count or waits."""
    yield b',"lines":['
    comma = b""
    for block in source.blocks(excluded=True):
        parts = block.select("excluded").write_ndjson().splitlines()
        told = pl.Series("excluded", parts, dtype=pl.String).str.strip_prefix("{")
        lines = block.select(pl.concat_str(pl.col("line").str.strip_suffix("}"), told, separator=",").alias("line"))
        yield comma + ",".join(lines["line"].to_list()).encode()
        comma = b","
    yield b"]"


def rows_blocks(sheet: Sheet) -> Iterator[bytes]:
    """Yield a sheet as a list of one object a row."""
    yield b"["
    comma = b""
    for frame in sheet.frames():
        if frame.height:
            yield comma + frame.write_ndjson().rstrip("\n").replace("\n", ",").encode()
            comma = b","
    yield b"]"


def form_blocks(title: str, notes: Sequence[str], tables: Sequence[FormTable]) -> Iterator[bytes]:
    """Yield the member of the notice's form. Amounts are fen here; the form's own unit is that of its heads."""
    heads = {column.name: column.head for column in tables[0].sheet.columns}
    yield b',"summary":' + member("title", title, first=True) + member("notes", list(notes)) + member("columns", heads)
    yield b',"tables":['
    comma = b""
    for table in tables:
        yield comma + member("region", table.region or None, first=True) + member("head", table.head) + b',"rows_fen":'
        yield from rows_blocks(table.sheet)
        yield member("sum_fen", table.sum_fen) + b"}"
        comma = b","
    yield b"]}"


def settlement_block(settlement: Mapping[str, Any]) -> bytes:
    """Return the beginning of the document."""
    return member("settlement", dict(settlement), first=True)
