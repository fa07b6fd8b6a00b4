"""The proxy's file, run by Caddy itself: what reaches the service, and what does not."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from meter.database.embedded_host import free_port
from tests.support.debian import program

FILE = Path(__file__).parents[2] / "deploy" / "proxy" / "Caddyfile"
REQUEST_ID = "X-Request-Id"


class Behind(BaseHTTPRequestHandler):
    """Stands where the service stands, and says which name the request has come with."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Seen", self.headers.get(REQUEST_ID, "none"))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The file as it is, but for the name, the ports, and who signs the certificate."""
    folder, port = tmp_path_factory.mktemp("caddy"), free_port()
    behind = ThreadingHTTPServer(("127.0.0.1", 0), Behind)
    threading.Thread(target=behind.serve_forever, daemon=True).start()
    text = FILE.read_text(encoding="utf-8")
    for ours, here in (
        ("suanbu.example {", f"https://localhost:{port} {{\n\ttls internal"),
        ("127.0.0.1:8000", f"127.0.0.1:{behind.server_port}"),
        ("{\n\tservers {", "{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n\tservers {"),
    ):
        assert text.count(ours) == 1
        text = text.replace(ours, here)
    (folder / "Caddyfile").write_text(text, encoding="utf-8")
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(
            [program("caddy", "caddy"), "run", "--adapter", "caddyfile", "--config", folder / "Caddyfile"],
            stdout=log, stderr=log, env={"HOME": str(folder), "XDG_DATA_HOME": str(folder)},
        )  # fmt: skip
    try:
        for _ in range(300):
            try:
                httpx.get(f"https://localhost:{port}/", verify=False)  # noqa: S501 -- signed by Caddy for itself
                break
            except httpx.TransportError:
                assert running.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)
        yield f"https://localhost:{port}"
    finally:
        running.terminate()
        running.wait()
        behind.shutdown()
        behind.server_close()


def test_a_request_keeps_the_name_that_its_client_gave_it(proxied: str) -> None:
    with httpx.Client(verify=False) as client:  # noqa: S501 -- the same
        assert client.get(proxied, headers={REQUEST_ID: "platform-7:42"}).headers["Seen"] == "platform-7:42"
        assert client.get(proxied).headers["Seen"] == "none", "the service names it then"


def test_metrics_are_not_for_those_outside(proxied: str) -> None:
    with httpx.Client(verify=False) as client:  # noqa: S501 -- the same
        assert client.get(f"{proxied}/metrics").status_code == 404
        assert client.get(f"{proxied}/healthz").status_code == 200
