"""`suanbu serve`: the database, its migrations, and the service on top."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.common import DEFAULT_DATA, Data

if TYPE_CHECKING:
    import uvicorn

LEAVING_SECONDS = 3.0
JOB_WORKERS = 2  # one for what is short, one for what is long


def serve(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to listen on; 0 takes a free one")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="worker processes")] = 1,
    job_workers: Annotated[
        int, typer.Option(min=0, max=64, help="processes for jobs; 0: they run elsewhere (`suanbu jobs work`)")
    ] = JOB_WORKERS,
    data: Data = DEFAULT_DATA,
) -> None:
    """Run the service until it is told to stop; prints one line with its URL when it is ready."""
    from uvicorn.config import STARTUP_FAILURE

    from api.process.job_processes import job_processes
    from api.process.logs import write_logs
    from api.settings import Settings, public_url_from_environment, roles_with_second_factor
    from meter.database.connect import database_urls
    from meter.database.pooler import refuse_transaction_pooling
    from meter.database.roles import RolesMissing
    from meter.database.seal import ensure_seal
    from meter.journal.digest_chain import SM3
    from migrations.upgrade import upgrade

    try:
        second_factor, public_url = roles_with_second_factor(), public_url_from_environment()
        write_logs()
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    listening = _bound(host, port)
    port = int(listening.getsockname()[1])
    signal.signal(signal.SIGTERM, _leave)  # uvicorn hands the signal on once it has stopped: the database must stop too
    with database_urls(data) as urls:
        try:
            asyncio.run(upgrade(urls.migrator))
        except RolesMissing as missing:
            raise typer.BadParameter(str(missing)) from None
        asyncio.run(refuse_transaction_pooling(urls.service))
        ensure_seal(data)
        Settings(
            urls.service, os.environ.get("SUANBU_DIGEST", SM3), workers, data.resolve(), second_factor, public_url
        ).to_environment()
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        threading.Thread(target=_announce, args=(url,), daemon=True).start()
        config = _config(host, port, workers)
        with job_processes(job_workers):
            served = (_serve_with_workers if workers > 1 else _serve)(config, listening)
        if not served:
            raise typer.Exit(STARTUP_FAILURE)


def _config(host: str, port: int, workers: int) -> uvicorn.Config:
    import uvicorn

    return uvicorn.Config(
        "api.worker:create_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        loop="uvloop",
        http="api.http.protocol:Protocol",  # by name: who only starts workers need not load it
        ws="none",  # nothing here speaks it
        access_log=False,
        log_config=None,  # api/process/logs.py writes all of it
        timeout_graceful_shutdown=20,
        backlog=2048,
        server_header=False,
    )


def _serve(config: uvicorn.Config, listening: socket.socket) -> bool:
    """Serve from this process; whether it ever came to that."""
    import uvicorn

    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
    return bool(server.started)


def _serve_with_workers(config: uvicorn.Config, listening: socket.socket) -> bool:
    """Serve from other processes until told to stop; False when they cannot start."""
    import tempfile

    from api.process.workers import FOLDER, Workers

    with tempfile.TemporaryDirectory(prefix="suanbu-workers-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = os.environ[FOLDER] = folder
        parent = Workers(config, [listening], Path(folder))
        parent.run()
        return not parent.failed


def _leave(*_: object) -> None:
    """End as if the command had come to its end, so that everything that was opened is closed."""
    raise SystemExit(0)


def _announce(url: str) -> None:
    """Print the URL once the service answers that it is ready."""
    import urllib.request

    while True:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2):  # noqa: S310 - our own address
                break
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    print(f"suanbu is ready at {url}", flush=True)


def _bound(host: str, port: int) -> socket.socket:
    """Take the port before anything else is done; whoever had it last may need a moment to leave it.

    Raises Exit after saying in one line who cannot listen where.
    """
    import errno

    from uvicorn.config import STARTUP_FAILURE

    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.set_inheritable(True)
    deadline = time.monotonic() + LEAVING_SECONDS
    while True:
        try:
            made.bind((host, port))
            return made
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                taken = "another process listens there" if error.errno == errno.EADDRINUSE else error.strerror
                print(f"suanbu: cannot listen at {host}:{port}: {taken}", file=sys.stderr)
                raise typer.Exit(STARTUP_FAILURE) from None
            time.sleep(0.1)
