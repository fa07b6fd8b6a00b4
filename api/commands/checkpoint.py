"""`suanbu checkpoint` and `suanbu verify --checkpoint`: signed notes of what was true, and what differs from them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.common import DEFAULT_DATA, Data, with_database

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from settlement.checkpoint.make import Made
    from settlement.checkpoint.marks import Marks
    from settlement.checkpoint.note import Checkpoint, Verifier

MARKS = ".marks"


def checkpoint(
    out: Annotated[Path | None, typer.Option("--out", help="file to write; without it, standard output")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Write a signed checkpoint (C2SP) of the journal, the audit log and all that they prove. Keep it elsewhere."""
    from meter.database.connect import driver
    from settlement.checkpoint import signature
    from settlement.checkpoint.make import make
    from settlement.checkpoint.note import SIGNS, verifier_of

    key = signature.signing_key(data)

    async def work(engine: AsyncEngine) -> Made:
        async with engine.connect() as held:
            return await make(await driver(held), signature.origin_of(key), key)

    made = with_database(data, work)
    if out is None:
        print(made.checkpoint.note(), end="")
    else:
        out.write_text(made.checkpoint.note(), encoding="utf-8")
        marks_beside(out).write_text(made.marks.text(), encoding="utf-8")
        print(f"wrote {out} and {marks_beside(out).name}: {made.batch} batches, {made.audit} rows of the audit log")
        print(f"key {verifier_of(made.checkpoint.origin, SIGNS, key)}")
        print("keep both where who has the database's password cannot reach them")


def marks_beside(file: Path) -> Path:
    """Where the marks of a checkpoint stand, by which a difference is located though the kept tree was changed too."""
    return file.with_name(file.name + MARKS)


def trusted_key(data: Path, given: str | None, origin: str) -> Verifier | None:
    """Whose signature is asked for: the given key (hex, or name+id+key), else the data directory's, if there is one."""
    from settlement.checkpoint import signature
    from settlement.checkpoint.note import SIGNS, Verifier

    known = data / signature.PUBLIC_FILE
    if given and "+" in given:
        return Verifier.parse(given)
    text = given or (known.read_text(encoding="utf-8") if known.exists() else "")
    return Verifier(origin, SIGNS, bytes.fromhex(text)) if text else None


def verify_checkpoint(file: Path, data: Path, as_json: bool, public_key: str | None = None) -> bool:
    """Print what differs from a checkpoint; whether nothing does. The key is the given one, else the data directory's.

    Raises typer.BadParameter for a file that is not signed by that key.
    """
    from settlement.checkpoint import signature
    from settlement.checkpoint.note import NotSigned, opened

    text = file.read_text(encoding="utf-8", errors="replace")
    former = text.lstrip().startswith("{")
    try:
        trusted = trusted_key(data, public_key, "" if former else opened(text, None).origin)
        if former:
            statement = signature.opened(text.encode(), trusted.public if trusted else None)
            about = f"{file} of {statement['made_at']}"
            findings = _findings(data, None, None, statement)
        else:
            note = opened(text, trusted)
            about = f"{file} of {note.origin}, {note.size} leaves"
            findings = _findings(data, note, _marks(file), None)
    except (NotSigned, ValueError) as error:
        raise typer.BadParameter(str(error)) from None
    told(about, findings, {"checkpoint": str(file)}, as_json)
    if trusted is None:
        print("note: no public key to compare with; nothing says who signed it")
    return not findings


def verify_database(data: Path, as_json: bool) -> bool:
    """Print what in the database contradicts itself, without any checkpoint; whether nothing does."""
    findings = _findings(data, None, None, None)
    told("database", findings, {"checkpoint": None}, as_json)
    return not findings


def told(about: str, findings: list[dict[str, Any]], beside: dict[str, Any], as_json: bool) -> None:
    """Print findings for people or programs."""
    equal = not findings
    if as_json:
        print(json.dumps({**beside, "equal": equal, "findings": findings}, ensure_ascii=False))
        return
    print(f"{about}: {'equal' if equal else 'NOT EQUAL'}")
    for one in findings:
        print(f"  {one['where'] if one['where'].startswith(one['kind']) else one['kind'] + ' ' + one['where']}: "
              f"{one['what']}: {one['detail']}")  # fmt: skip


def _marks(file: Path) -> Marks | None:
    from settlement.checkpoint.marks import Marks

    beside = marks_beside(file)
    if not beside.exists():
        return None
    try:
        return Marks.parse(beside.read_text(encoding="utf-8"))
    except ValueError:
        return None


def _findings(
    data: Path, note: Checkpoint | None, marks: Marks | None, former: dict[str, Any] | None
) -> list[dict[str, Any]]:
    from meter.database.connect import driver
    from meter.registry.proof import facts_of_batches
    from meter.registry.queries import rules_as_of
    from migrations.reference import expected_schema
    from settlement.checkpoint.check import check
    from settlement.checkpoint.former import check_former

    async def work(engine: AsyncEngine) -> list[dict[str, Any]]:
        async with engine.connect() as held:
            connection = await driver(held)
            found = await check(
                connection, note, read_facts=facts_of_batches, read_rules=rules_as_of,
                expected=await expected_schema(connection), marks=marks,
            )  # fmt: skip
            if former is not None:
                found += await check_former(connection, former, read_facts=facts_of_batches, read_rules=rules_as_of)
            return [asdict(one) for one in found]

    return with_database(data, work)
