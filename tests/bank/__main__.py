"""The bank as a process: HTTP on a port of its own, files in a folder, and a door by which a test moves its days.

python -m tests.bank --journal FILE [--seed N] [--folder DIR --encoding E] [--ways a,b]; it prints its address.
"""

from __future__ import annotations

import argparse
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.bank.behaviour import WAYS, Behaviour
from tests.bank.journal import Journal
from tests.bank.wire import FileBank, Said, answer_to_order, answer_to_question

POLL_SECONDS = 0.05
SLOW_SECONDS = 3


class Server(ThreadingHTTPServer):
    """One mind behind all connections, one at a time."""

    daemon_threads = True

    def __init__(self, mind: Behaviour, files: FileBank | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.mind = mind
        self.files = files
        self.lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    """Payment orders, questions, and the test's own door."""

    server: Server

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/control":
            with self.server.lock:
                answer = control(self.server.mind, said)
            self._say(Said(200, json.dumps(answer).encode()))
            return
        assert self.headers["Idempotency-Key"] == said["reference"]
        assert said["payee"]["account"]
        with self.server.lock:
            answered = answer_to_order(self.server.mind, said["reference"], said["amount_fen"])
        self._say(answered)

    def do_GET(self) -> None:
        with self.server.lock:
            answered = answer_to_question(self.server.mind, unquote(self.path.rpartition("/")[2]))
        self._say(answered)

    def _say(self, said: Said) -> None:
        if said.silent:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if said.slow:
            time.sleep(SLOW_SECONDS)
        try:
            self.send_response(said.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body)
        except OSError:
            pass  # the client has gone: that is what slow is for

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what happened stands in the journal."""


def control(mind: Behaviour, said: dict[str, Any]) -> dict[str, Any]:
    """Do what a test asks for: nights, healing, money back; and say how things stand."""
    for _ in range(said.get("nights", 0)):
        mind.night()
    if said.get("heal"):
        mind.healed = True
    for reference in said.get("take_back", []):
        mind.take_back(reference)
    return {
        "hit": mind.journal.hit, "movements": mind.journal.movements, "day": mind.day,
        "payments": {one: payment.state for one, payment in mind.journal.payments.items()},
    }  # fmt: skip


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(prog="tests.bank")
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--encoding", default="utf-8")
    parser.add_argument("--ways", default=",".join(WAYS))
    asked = parser.parse_args()
    mind = Behaviour(Journal.at(asked.journal), asked.ways.split(","), asked.seed)
    files = FileBank(mind, asked.folder, asked.encoding) if asked.folder else None
    server = Server(mind, files)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    if files is not None:
        threading.Thread(target=_watch, args=(server, files), daemon=True).start()
    server.serve_forever()


def _watch(server: Server, files: FileBank) -> None:
    """Read and answer when a file has come, and when a night or a person has changed what there is to tell."""
    told: tuple[int, bool, int] | None = None
    while True:
        with server.lock:
            news = (server.mind.day, server.mind.healed, len(server.mind.journal.movements))
            if news != told or any((files.folder / "out").glob("*.csv")):
                files.work()
                told = news
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
