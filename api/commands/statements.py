"""`suanbu payout statement` and `suanbu payout reconcile`: the bank's statement, and how it agrees with the books."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.common import DEFAULT_DATA, Data, Json, KeyFile, with_database
from api.commands.hand import Asked

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


def statement(
    file: Annotated[Path, typer.Argument(help="the bank's statement: CSV or xlsx")],
    mapping: Annotated[str, typer.Option(help="a TOML file, or the name of a mapping that comes along")] = "standard",
    key_file: KeyFile = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Import a statement of the bank, as a whole or not at all."""
    from meter.database.scope import who_acts
    from settlement.errors import NotAllowed
    from settlement.payout.statement_file import mapping_named, read_mapping
    from settlement.payout.statements import import_statement
    from settlement.report.money import yuan_text

    async def work(engine: AsyncEngine) -> dict[str, Any]:
        return await import_statement(engine, file.name, raw, columns, actor=who_acts())

    try:
        raw = file.read_bytes()
        toml = mapping.endswith(".toml")
        columns = read_mapping(Path(mapping).read_text(encoding="utf-8")) if toml else mapping_named(mapping)
        found = with_database(data, work, Asked("payout:run", key_file))
    except (NotAllowed, OSError, UnicodeDecodeError) as refused:
        code = refused.code if isinstance(refused, NotAllowed) else type(refused).__name__
        print(json.dumps({"refused": code, "detail": str(refused)}, ensure_ascii=False) if as_json else str(refused))
        raise typer.Exit(1) from None
    text = f"statement {found['id']}: {found['lines']} lines, {found['first_day']} to {found['last_day']}, "
    text += f"paid {yuan_text(found['paid_fen'])}, received {yuan_text(found['received_fen'])} yuan"
    print(json.dumps(found, ensure_ascii=False) if as_json else text)


def reconcile(
    settlement: Annotated[str | None, typer.Argument(help="only what is about this settlement, or about none")] = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Hold the bank's statements against what was booked; exit status 1 where anything differs."""
    from settlement.payout.statements import report
    from settlement.report.money import yuan_text

    found = with_database(data, lambda engine: report(engine, settlement))
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        for one in found["differences"]:
            about = one["reference"] or one["bank_reference"] or one["said"] or ""
            print(f"{one['kind']}  {one['age_days']} days  {yuan_text(one['fen'])} yuan  {about}")
        print(
            f"to {found['covered_to'] or 'no statement'}: {found['matched']} agree, {found['explained']} explained, "
            f"{len(found['differences'])} differ"
        )
    if found["differences"]:
        raise typer.Exit(1)
