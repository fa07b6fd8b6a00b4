"""The command line: `suanbu`. Each group of commands lives in a file of its own, loaded when it is asked for."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.metadata import version
from typing import Annotated

import typer

from meter.private_files import write_nothing_for_others

DATABASE_UNUSABLE = 3


def _say_version(asked: bool) -> None:
    if asked:
        print(f"suanbu {version('suanbu')}")
        raise typer.Exit


# word -> file, and the function or group of commands in it
_COMMANDS = {
    "serve": ("serve", "serve"),
    "world": ("worlds", "world"),
    "demo": ("demo", "demo"),
    "warm": ("warm", "warm"),
    "settle": ("settlements", "settle"),
    "archive": ("archive", "archive"),
    "rollup": ("archive", "rollup"),
    "findings": ("settlements", "findings"),
    "verify": ("settlements", "verify"),
    "checkpoint": ("checkpoint", "checkpoint"),
    "proof": ("proof", "APP"),
    "witness": ("witness", "APP"),
    "evidence": ("evidence", "evidence"),
    "login": ("login", "login"),
    "logout": ("login", "logout"),
    "key": ("keys", "APP"),
    "user": ("people", "APP"),
    "jobs": ("jobs", "APP"),
    "probe": ("probe", "probe"),
    "db": ("database", "APP"),
    "backup": ("backup", "backup"),
    "config": ("config", "config"),
    "restore": ("backup", "restore"),
    "payout": ("payouts", "PAYOUT"),
}


def _options(
    _: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="print the version and end")
    ] = False,
) -> None:
    """Take what stands before a command; one is named even where there is one only."""


def command_line(word: str | None) -> typer.Typer:
    """Return the command line of the one command that `word` names, of all where it names none.

    A service that starts again must not wait for what settles or reports.
    """
    made = typer.Typer(
        no_args_is_help=True, add_completion=False, help="算补：算力补助的计量与清算", pretty_exceptions_enable=False
    )
    made.callback()(_options)
    for name in [word] if word in _COMMANDS else _COMMANDS:
        file, attribute = _COMMANDS[name]
        found = getattr(import_module(f"api.commands.{file}"), attribute)
        if isinstance(found, typer.Typer):
            made.add_typer(found, name=name)
        else:
            made.command(name)(found)
    return made


def main() -> None:
    """Enter by the console script; an error of the database is one line and the exit status 3."""
    write_nothing_for_others()
    try:
        command_line(sys.argv[1] if len(sys.argv) > 1 else None)()
    except Exception as error:
        from meter.database.one_line import in_one_line

        line = in_one_line(error, os.environ.get("DATABASE_URL"))
        if line is None:
            raise
        print(f"suanbu: {line}", file=sys.stderr)
        sys.exit(DATABASE_UNUSABLE)
