"""The command line: `suanbu`. Each group of commands lives in a file of its own."""

from __future__ import annotations

import typer

from api.commands import archive, checkpoint, database, demo, evidence, keys, people, serve, settlements, warm, worlds
from api.kernels import forget_stale_kernels

APP = typer.Typer(
    no_args_is_help=True, add_completion=False, help="算补：算力补助的计量与清算", pretty_exceptions_enable=False
)
APP.command("serve")(serve.serve)
APP.command("world")(worlds.world)
APP.command("demo")(demo.demo)
APP.command("warm")(warm.warm)
APP.command("settle")(settlements.settle)
APP.command("archive")(archive.archive)
APP.command("rollup")(archive.rollup)
APP.command("findings")(settlements.findings)
APP.command("verify")(settlements.verify)
APP.command("checkpoint")(checkpoint.checkpoint)
APP.command("evidence")(evidence.evidence)
APP.add_typer(keys.APP, name="key")
APP.add_typer(people.APP, name="user")
APP.add_typer(database.APP, name="db")
APP.add_typer(settlements.PAYOUT, name="payout")


def main() -> None:
    """Entry point of the console script."""
    forget_stale_kernels()
    APP()
