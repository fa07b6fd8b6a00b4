"""`suanbu backup` and `suanbu restore`: database, keys and archive, taken together and put back together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.commands.common import DEFAULT_DATA, Data

Holders = Annotated[
    list[Path], typer.Option("--holder", help="a file with one holder's passphrase; two or more", exists=True)
]


def backup(
    to: Annotated[Path, typer.Argument(help="the folder of all backups, on another disk")],
    holder: Holders,
    data: Data = DEFAULT_DATA,
    keep: Annotated[int | None, typer.Option(min=1, help="delete all but so many, and the log before them")] = None,
) -> None:
    """Back up database, keys, archive and a signed checkpoint; the service goes on running."""
    from api.commands.backups import take

    take(to, holder, data, keep)


def restore(
    place: Annotated[Path, typer.Argument(help="one backup: the folder that `suanbu backup` named", exists=True)],
    holder: Holders,
    data: Data = DEFAULT_DATA,
    to: Annotated[str | None, typer.Option("--to", help="a moment: what was committed until then")] = None,
) -> None:
    """Put a backup back into a data directory that is empty: to its end, or to a moment after it was made."""
    from api.commands.backups import put_back

    put_back(place, holder, data, to)
