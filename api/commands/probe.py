"""`suanbu probe`: send a record of its own and wait for it in the totals, once or as a loop."""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.common import UNUSABLE
from api.commands.hand import read_privately

if TYPE_CHECKING:
    from api import probe as work

FAILED = 1


def probe(  # noqa: PLR0913 -- the options of a command line are arguments
    url: Annotated[str, typer.Option(help="the address of the service, as platforms reach it")],
    key_file: Annotated[Path, typer.Option("--key-file", help="a file of mode 0600 with a key of the probe's")],
    once: Annotated[bool, typer.Option("--once", help="one try; the exit status says how it ended")] = False,
    every: Annotated[int, typer.Option(min=1, help="seconds from one try to the next")] = 60,
    patience: Annotated[int, typer.Option(min=1, max=600, help="seconds until a record must be in the totals")] = 30,
    register: Annotated[
        bool, typer.Option("--register", help="register the probe's facility and chip, and end (registry:write)")
    ] = False,
    metrics_port: Annotated[int | None, typer.Option(help="show metrics on this port")] = None,
    metrics_host: Annotated[str, typer.Option(help="the address to show them on")] = "127.0.0.1",
    as_json: Annotated[bool, typer.Option("--json", help="one JSON line per try")] = False,
) -> None:
    """Send a record that costs nothing through the public door, and wait until the totals have it."""
    from api import probe as work

    if not url.startswith(("https://", "http://")):
        raise typer.BadParameter("--url is an address such as https://suanbu.example")
    door = work.Door(url, read_privately(key_file, handed_over=True))
    if register:
        try:
            work.register(door, patience)
        except RuntimeError as refused:
            print(f"suanbu: {refused}", file=sys.stderr)
            raise typer.Exit(FAILED) from None
        print(f"facility and chip {work.PLACE} are registered")
        return
    if once:
        result = work.probe(door, patience)
        print(_line(result, as_json))
        raise typer.Exit(0 if result.end == "seen" else FAILED)
    if metrics_port is not None:
        _serve(metrics_host, metrics_port)
    _loop(door, every, patience, as_json)


def _serve(host: str, port: int) -> None:
    from api.probe_metrics import serve

    try:
        serve(host, port)
    except OSError as error:
        print(f"suanbu: port {port} cannot be used: {error}", file=sys.stderr)
        raise typer.Exit(UNUSABLE) from None


def _loop(door: work.Door, every: int, patience: int, as_json: bool) -> None:
    """Try again and again until the process is told to stop; a try that has begun is finished."""
    from api import probe as work
    from api.probe_metrics import show

    stopping = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: stopping.set())
    while not stopping.is_set():
        result = work.probe(door, patience)
        show(result)
        print(_line(result, as_json), flush=True)
        stopping.wait(max(0.0, every - result.seconds))


def _line(result: work.Result, as_json: bool) -> str:
    if as_json:
        return json.dumps({**result._asdict(), "seconds": round(result.seconds, 3)}, ensure_ascii=False)
    return f"{result.end} after {result.seconds:.1f} s{': ' if result.detail else ''}{result.detail}"
