"""`suanbu proof`: what shows whoever holds a checkpoint that a batch, a row of the log or an award is in it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.common import DEFAULT_DATA, Data, with_database

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from settlement.checkpoint.note import Checkpoint
    from settlement.checkpoint.proof import Prover

APP = typer.Typer(no_args_is_help=True, help="proofs that something is in a checkpoint")
Note = Annotated[Path | None, typer.Option("--checkpoint", help="the checkpoint [default: the last one made]")]
Out = Annotated[Path | None, typer.Option("--out", help="file to write; without it, standard output")]


_SEE = "`suanbu verify --checkpoint` says what differs"


@APP.command("batch")
def batch(number: int, checkpoint: Note = None, out: Out = None, data: Data = DEFAULT_DATA) -> None:
    """Prove that a batch is in a checkpoint, with its digest."""
    _write(out, json.dumps(_proved(data, checkpoint, lambda prover: prover.batch(number)), ensure_ascii=False))


@APP.command("audit")
def audit(row: int, checkpoint: Note = None, out: Out = None, data: Data = DEFAULT_DATA) -> None:
    """Prove that a row of the audit log is in a checkpoint."""
    _write(out, json.dumps(_proved(data, checkpoint, lambda prover: prover.audit(row)), ensure_ascii=False))


@APP.command("award")
def award(settlement: str, uscc: str, checkpoint: Note = None, out: Out = None, data: Data = DEFAULT_DATA) -> None:
    """Prove that a settlement's line for an entity is in a checkpoint, as it was when the settlement was run."""
    found = _proved(data, checkpoint, lambda prover: prover.award(settlement, uscc))
    _write(out, json.dumps(found, ensure_ascii=False))


@APP.command("extends")
def extends(
    checkpoint: Annotated[Path, typer.Argument(help="the new checkpoint")],
    old: Annotated[int, typer.Option("--old", help="how many leaves the witness has seen (`suanbu witness seen`)")] = 0,
    out: Out = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Write what a witness is handed: a proof that a checkpoint extends an older one, and the checkpoint itself."""
    from settlement.checkpoint.note import request

    new = _note(checkpoint)
    assert new is not None
    proof = _proved(data, checkpoint, lambda prover: prover.consistency(old))
    _write(out, request(old, proof, new))


def _note(file: Path | None) -> Checkpoint | None:
    from settlement.checkpoint.note import NotSigned, parse

    try:
        return None if file is None else parse(file.read_text(encoding="utf-8"))
    except NotSigned as error:
        raise typer.BadParameter(str(error)) from None


def _proved(data: Path, file: Path | None, ask: Callable[[Prover], Awaitable[Any]]) -> Any:
    from meter.database.connect import driver
    from settlement.checkpoint.proof import Prover
    from settlement.errors import NoProof

    note = _note(file)

    async def work(engine: AsyncEngine) -> Any:
        async with engine.connect() as held:
            connection = await driver(held)
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                prover = await Prover.of(connection, note.size if note else None)
                if note is not None and prover.root != note.root:
                    raise NoProof("NO_CHECKPOINT", f"what is kept of the tree does not come to its root: {_SEE}")
                return await ask(prover)

    try:
        return with_database(data, work)
    except NoProof as error:
        raise typer.BadParameter(error.detail) from None


def _write(out: Path | None, text: str) -> None:
    if out is None:
        print(text, end="" if text.endswith("\n") else "\n")
    else:
        out.write_text(text, encoding="utf-8")
        print(f"wrote {out}")
