"""`suanbu witness`: a small witness of checkpoints, for whoever oversees the installation. It needs no database."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

APP = typer.Typer(no_args_is_help=True, help="a witness of checkpoints: signs what extends what it saw")
Key = Annotated[Path, typer.Option("--key", help="the witness's key file")]
Log = Annotated[
    str, typer.Option("--log", help="the log's verifier key (name+id+key), as `suanbu checkpoint` prints it")
]
State = Annotated[Path, typer.Option("--state", help="the file of the last checkpoint seen")]


@APP.command("key")
def key(
    name: Annotated[str, typer.Argument(help="the witness's name, such as audit-office.example/suanbu")],
    file: Key = Path("witness.key"),
) -> None:
    """Make the witness's key, if there is none, and print its verifier key for whoever checks its signatures."""
    from settlement.checkpoint.note import COSIGNS, verifier_of

    if not name or "+" in name or any(letter.isspace() for letter in name):
        raise typer.BadParameter("a name has no space and no plus sign")
    print(verifier_of(name, COSIGNS, _key(file, name)[1]))


@APP.command("sign")
def sign(
    log: Log,
    request: Annotated[Path | None, typer.Argument(help="the request; without it, standard input")] = None,
    file: Key = Path("witness.key"),
    state: State = Path("witness.seen"),
    out: Annotated[
        Path | None, typer.Option("--out", help="where the cosigned note goes; else standard output")
    ] = None,
) -> None:
    """Cosign a checkpoint that extends the last one seen; exit status 1, and nothing signed, where it does not."""
    from settlement.checkpoint.note import NotSigned, Verifier
    from settlement.checkpoint.witness import Refused, witness

    if not file.exists():
        raise typer.BadParameter(f"there is no key {file}: make one with `suanbu witness key NAME`")
    name, private = _key(file, "")
    text = request.read_text(encoding="utf-8") if request else sys.stdin.read()
    try:
        signed = witness(text, state, Verifier.parse(log), name, private, int(time.time()))
    except (Refused, NotSigned) as error:
        print(f"REFUSED: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    if out is None:
        print(signed.note(), end="")
    else:
        out.write_text(signed.note(), encoding="utf-8")
        print(f"signed {signed.origin}, {signed.size} leaves, as {name}: {out}")


@APP.command("seen")
def seen(log: Log, state: State = Path("witness.seen")) -> None:
    """Print how many leaves the last checkpoint seen has, which a request has to begin with; 0 where none was seen."""
    from settlement.checkpoint.note import NotSigned, Verifier
    from settlement.checkpoint.witness import Refused, last_seen

    try:
        found = last_seen(state, Verifier.parse(log))
    except (Refused, NotSigned) as error:
        raise typer.BadParameter(str(error)) from None
    print(found.size if found else 0)


def _key(file: Path, name: str) -> tuple[str, Ed25519PrivateKey]:
    """The witness's name and key out of its file, which is made when it is absent."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from meter.database.seal import secret_file

    text = secret_file(file, lambda: f"{name} {Ed25519PrivateKey.generate().private_bytes_raw().hex()}")
    kept, _, private = text.strip().rpartition(" ")
    if name and kept != name:
        raise typer.BadParameter(f"{file} is the key of {kept}")
    return kept, Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private))
