"""`suanbu checkpoint` and `suanbu verify --checkpoint`: signed statements, and what differs from them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from api.clock import now
from api.commands.common import DEFAULT_DATA, Data, with_database
from meter.audit.store import note
from meter.database.connect import driver
from meter.registry.proof import facts_of_batches
from meter.registry.queries import rules_as_of
from settlement.checkpoint.check import check
from settlement.checkpoint.signature import PUBLIC_FILE, NotSigned, opened, signed, signing_key
from settlement.checkpoint.statement import state


def checkpoint(
    out: Annotated[Path | None, typer.Option("--out", help="file to write; without it, standard output")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Write a signed statement of the journal, the audit log and every locked settlement. Keep it elsewhere."""
    key = signing_key(data)

    async def work(engine: AsyncEngine) -> dict[str, Any]:
        async with engine.connect() as held:
            statement = await state(await driver(held), now())
        found = signed(statement, key)
        heads = {"journal": statement["journal"]["last"], "audit": statement["audit"]["last"]}
        await note(engine, "command line", "checkpoint.make", found["signature"]["fingerprint"], "done", heads)
        return found

    text = json.dumps(with_database(data, work), ensure_ascii=False)
    if out is None:
        print(text)
    else:
        out.write_text(text + "\n")
        print(f"wrote {out}; keep it where who has the database's password cannot reach it")


def verify_checkpoint(file: Path, data: Path, as_json: bool, public_key: str | None = None) -> bool:
    """Print what differs from a checkpoint; whether nothing does. The key is the given one, else the data directory's.

    Raises typer.BadParameter for a file that is not signed by that key.
    """
    known = data / PUBLIC_FILE
    trusted = bytes.fromhex(public_key) if public_key else bytes.fromhex(known.read_text()) if known.exists() else None
    try:
        statement = opened(file.read_bytes(), trusted)
    except NotSigned as error:
        raise typer.BadParameter(str(error)) from None

    async def work(engine: AsyncEngine) -> list[dict[str, Any]]:
        async with engine.connect() as held:
            return [
                asdict(one)
                for one in await check(
                    await driver(held), statement, read_facts=facts_of_batches, read_rules=rules_as_of
                )
            ]

    findings = with_database(data, work)
    equal = not findings
    if as_json:
        print(json.dumps({"checkpoint": str(file), "equal": equal, "findings": findings}, ensure_ascii=False))
    else:
        print(f"{file} of {statement['made_at']}: {'equal' if equal else 'NOT EQUAL'}")
        for one in findings:
            print(f"  {one['kind']} {one['where']}: {one['what']}: {one['detail']}")
    if trusted is None:
        print("note: no public key to compare with; the signature is good for the key in the file")
    return equal
