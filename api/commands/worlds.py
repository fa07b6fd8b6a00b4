"""`suanbu world`: cases as files (docs/contract.md, section 6)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from api.commands.common import DEFAULT_DATA, Data


def world(
    files: Annotated[list[Path], typer.Argument(help="worlds files (YAML)", exists=True, dir_okay=False)],
    readings: Annotated[list[str] | None, typer.Option(help="a reading for all worlds: name=value")] = None,
    _data: Data = DEFAULT_DATA,
) -> None:
    """Run worlds through the service's own code; one JSON line each, exit status 1 where `expected` differs."""
    from settlement.jobs.worlds.read import load_worlds
    from settlement.jobs.worlds.run import run_world

    chosen = dict(_pair(text) for text in readings or [])
    failed = False
    for file in files:
        try:
            worlds = load_worlds(file)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
        for one in worlds:
            result = run_world(one, readings=chosen)
            failed |= not result["ok"]
            print(json.dumps(result, ensure_ascii=False), flush=True)
    if failed:
        raise typer.Exit(1)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is not name=value")
    return name, value
