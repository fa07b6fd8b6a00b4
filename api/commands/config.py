"""`suanbu config`: the settings that are in force, without secrets."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from api.commands.common import DEFAULT_DATA, Data
from api.setting_table import as_markdown, in_force


def config(
    data: Data = DEFAULT_DATA,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
    table: Annotated[bool, typer.Option("--table", help="all settings with their meanings, as Markdown")] = False,
) -> None:
    """Print what the environment sets and what is taken otherwise; secrets are masked."""
    if table:
        print(as_markdown())
        return
    found = {name: (value, source) for name, value, source in in_force()}
    found["--data"] = (str(data.resolve()), "option" if data != DEFAULT_DATA else "default")
    if as_json:
        print(json.dumps({name: value for name, (value, _) in found.items()}, ensure_ascii=False))
        return
    for name, (value, source) in found.items():
        print(f"{name:<22}{value or '-'}  ({source})")
