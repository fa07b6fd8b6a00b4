"""`suanbu evidence`: one settlement as a file that an auditor checks without us."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.common import DEFAULT_DATA, Data, with_database

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


def evidence(
    settlement: Annotated[str, typer.Argument(help="the settlement's id")],
    out: Annotated[Path | None, typer.Option("--out", help="file to write")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Write a settlement's lines, steps, decisions, records and digests, with a script that checks them."""
    from meter.audit.store import note
    from meter.database.connect import driver
    from meter.database.scope import who_acts
    from settlement.checkpoint.make import make
    from settlement.checkpoint.signature import origin_of, signing_key
    from settlement.errors import SettlementRefused
    from settlement.jobs.evidence import export
    from settlement.store.settlements import stored_settlement

    path = out or Path(f"{settlement}-evidence.zip")
    key = signing_key(data)

    async def work(engine: AsyncEngine) -> dict[str, Any]:
        async with engine.connect() as held:
            connection = await driver(held)
            await stored_settlement(connection, settlement)
            checkpoint = (await make(connection, origin_of(key), key)).checkpoint
            made = await export(connection, settlement, path, checkpoint)
        await note(engine, who_acts(), "evidence.export", settlement, "done", {"file": path.name})
        return made

    try:
        made = with_database(data, work)
    except SettlementRefused as error:
        path.unlink(missing_ok=True)
        raise typer.BadParameter(error.detail) from None
    size = sum(one["bytes"] for one in made["files"].values())
    print(f"wrote {path}: {len(made['files'])} files, {size:,} bytes; inside: python3 check_evidence.py {path.name}")
