"""A bank over HTTP: the order it is sent, and what it may answer without being believed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from settlement.payout.bank_http import HttpBank, understood
from settlement.payout.bank_protocol import AnswerRefused, BankSilent

REFERENCE = "SB-anhui-2026-0001-91340100MA0000001K"
ACCOUNT = {"bank": "示例银行", "account": "0012", "holder": "𠮷科技有限公司"}
GOOD = {"reference": REFERENCE, "status": "paid", "bank_reference": "B1", "amount_fen": 100}


@contextmanager
def answering(status: int, body: bytes) -> Iterator[tuple[HttpBank, list[tuple[str, str, dict[str, str], bytes]]]]:
    """A bank that gives one answer to everything, and what it was asked."""
    asked: list[tuple[str, str, dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            asked.append((self.command, self.path, dict(self.headers), sent))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield HttpBank(f"http://127.0.0.1:{server.server_address[1]}/api", "secret", 5), asked
    finally:
        server.shutdown()
        server.server_close()


async def test_an_order_carries_its_reference_as_key_and_the_account_in_plain() -> None:
    with answering(200, json.dumps(GOOD).encode()) as (bank, asked):
        sent = await bank.send(REFERENCE, 100, ACCOUNT)
        found = await bank.ask(REFERENCE)
    assert (sent.outcome, sent.bank_reference, sent.amount_fen) == (found.outcome, "B1", 100) == ("paid", "B1", 100)
    (method, path, headers, body), (method_2, path_2, _, _) = asked
    assert (method, path, method_2, path_2) == ("POST", "/api/payments", "GET", f"/api/payments/{REFERENCE}")
    assert (headers["Idempotency-Key"], headers["Authorization"]) == (REFERENCE, "Bearer secret")
    assert json.loads(body) == {
        "reference": REFERENCE, "amount_fen": 100, "currency": "CNY", "purpose": "算力补助", "payee": ACCOUNT,
    }  # fmt: skip


async def test_a_bank_that_is_not_there_is_silent() -> None:
    with pytest.raises(BankSilent):
        await HttpBank("http://127.0.0.1:1/", None, 1).ask(REFERENCE)


@pytest.mark.parametrize(
    ("method", "status", "body"),
    [
        ("GET", 200, b"<html>"), ("GET", 200, b"[" * 100_000), ("GET", 200, b""), ("GET", 200, b"null"),
        ("GET", 200, json.dumps({**GOOD, "reference": "SB-other"}).encode()),
        ("GET", 200, ('{"status": "failed", ' + json.dumps(GOOD)[1:]).encode()),
        ("GET", 200, json.dumps({**GOOD, "bank_reference": None}).encode()),
        ("GET", 200, json.dumps({**GOOD, "bank_reference": "参考"}).encode()),
        ("GET", 200, json.dumps({**GOOD, "amount_fen": 2**63}).encode()),
        ("GET", 200, json.dumps({**GOOD, "amount_fen": 1.5}).encode()),
        ("GET", 200, json.dumps({**GOOD, "status": "PAID"}).encode()),
        ("GET", 200, json.dumps({**GOOD, "reason": "完成"}, ensure_ascii=False).encode("gb18030")),
        ("GET", 404, json.dumps(GOOD).encode()), ("GET", 404, b"not found"),
        ("POST", 200, json.dumps({"reference": REFERENCE, "status": "not_found"}).encode()),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_exactly_one_is_set_aside(method: str, status: int, body: bytes) -> None:
    with pytest.raises(AnswerRefused):
        understood(method, status, body, REFERENCE)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 429, 500, 502, 503])
def test_another_status_is_silence(status: int) -> None:
    with pytest.raises(BankSilent) as silent:
        understood("POST", status, json.dumps(GOOD).encode(), REFERENCE)
    assert not isinstance(silent.value, AnswerRefused)
