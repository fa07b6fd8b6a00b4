"""`suanbu evidence`: one settlement as a file that an auditor checks without us."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from api.clock import now
from api.commands.common import DEFAULT_DATA, Data, with_database
from meter.audit.store import note
from meter.database.connect import driver
from settlement.checkpoint.signature import signed, signing_key
from settlement.checkpoint.statement import state
from settlement.errors import SettlementRefused
from settlement.jobs.evidence import export


def evidence(
    settlement: Annotated[str, typer.Argument(help="the settlement's id")],
    out: Annotated[Path | None, typer.Option("--out", help="file to write")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Write a settlement's lines, steps, decisions, records and digests, with a script that checks them."""
    path = out or Path(f"{settlement}-evidence.zip")
    key = signing_key(data)

    async def work(engine: AsyncEngine) -> dict[str, Any]:
        async with engine.connect() as held:
            connection = await driver(held)
            checkpoint = signed(await state(connection, now()), key)
            made = await export(connection, settlement, path, json.dumps(checkpoint, ensure_ascii=False).encode())
        await note(engine, "command line", "evidence.export", settlement, "done", {"file": path.name})
        return made

    try:
        made = with_database(data, work)
    except SettlementRefused as error:
        path.unlink(missing_ok=True)
        raise typer.BadParameter(error.detail) from None
    size = sum(one["bytes"] for one in made["files"].values())
    print(f"wrote {path}: {len(made['files'])} files, {size:,} bytes; inside: python3 check_evidence.py {path.name}")
