"""Seeded requests of every route: mostly nearly right, so that they get past the first check."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_from_bytes

import zstandard

from tests.fuzz.arrow_bodies import arrow_body
from tests.fuzz.chance import TEXTS, Chance
from tests.fuzz.scene import STATEMENT, Scene
from tests.fuzz.schema_values import Values
from tests.intake.fuzz import Fuzz
from tests.openapi.described import operation_for
from tests.openapi.routes import Route, all_routes
from tests.openapi.test_hostile_requests import CURSORS, HOSTILE
from tests.support.records import ARROW, EVENT, JSON, NDJSON

RECEIVING = "/v1/usage-records"
FORM_FIELDS = (
    "note", "decision", "city", "objection", "digest", "days", "uscc", "by", "kind", "amount", "instruction",
    "proposal", "outcome", "bank_reference", "confirm_holder", "name", "password", "code", "new", "again", "next",
    "round", "rate", "budget", "number", "rates", "settlement", "reading", "related", "uplift", "run", "explain",
)  # fmt: skip
HEADERS = (
    "Accept", "Accept-Encoding", "Range", "If-None-Match", "If-Modified-Since", "Prefer", "X-Request-Id", "Forwarded",
    "X-Forwarded-For", "X-Forwarded-Proto", "Expect", "Content-Encoding", "Content-Type", "Suanbu-Time", "Suanbu-Nonce",
    "Suanbu-Signature", "Cookie", "Origin", "Host", "ce-id", "ce-source", "ce-time", "Authorization", "Content-Length",
)  # fmt: skip
HARD = ("Host", "Content-Length", "Authorization")
"""Only now and then: most of what is drawn shall get past the door."""


@dataclass
class Request:
    """What is sent."""

    route: Route
    method: str
    path: str
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""


class Draw:
    """Draws requests; the same seed and the same scene draw the same."""

    def __init__(self, seed: int, scene: Scene) -> None:
        self.chance = Chance(seed)
        self.fuzz = Fuzz(seed)
        self.scene = scene
        self.values = Values(self.chance, scene.known)
        routes = all_routes()
        writing = [one for one in routes if one.method != "GET"]
        received = [one for one in routes if one.path == RECEIVING]
        self.routes = [*routes, *writing, *received * 20]

    def request(self) -> Request:
        """One request."""
        chance = self.chance
        self.values.known = self.scene.known
        route = chance.pick(self.routes)
        made = Request(route, route.method, self._path(route) + self._query(route))
        if chance.once_in(60):
            made.method = chance.pick(("HEAD", "OPTIONS", "PATCH", "DELETE", "TRACE", "PUT", "POST", "get"))
        cookie, token = chance.pick(self.scene.sessions)
        if route.is_page and not chance.once_in(30):
            made.headers.append((b"cookie", cookie.encode()))
        elif not route.is_page and not chance.once_in(30):
            made.headers.append((b"authorization", f"Bearer {chance.pick(self.scene.keys).key}".encode()))
        if chance.once_in(3):
            made.headers.append((b"prefer", chance.pick((b"respond-async", b"wait=0", b"wait=1"))))
        self._body(made, token)
        self._headers(made)
        return made

    def _path(self, route: Route) -> str:
        path = route.path
        for name in route.in_path:
            path = path.replace(f"{{{name}}}", self._place(route, name)).replace(f"{{{name}:path}}", "x")
        return path + ("/" if self.chance.once_in(200) else "")

    def _place(self, route: Route, name: str) -> str:
        chance = self.chance
        if chance.once_in(6):
            return self._escaped(chance.hostile_text()) if chance.once_in(2) else chance.pick(HOSTILE)
        if name == "number":
            settlements = "settlements" in route.path
            return self._escaped(str(chance.pick(self.scene.known["settlement"] if settlements else (1, 2, 3, 4))))
        return self._escaped(str(chance.pick(self.scene.known.get(name, (1, 2, "x")))))

    def _escaped(self, text: str) -> str:
        return quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe="" if self.chance.once_in(2) else "/")

    def _query(self, route: Route) -> str:
        chance = self.chance
        pairs = []
        for name in route.in_query:
            if chance.once_in(3) and name not in ("from", "to"):
                continue
            if name == "cursor":
                value = chance.pick((*CURSORS, self._cursor()))
            elif chance.once_in(6):
                value = self._escaped(chance.hostile_text())
            else:
                value = self._escaped(str(chance.pick(self.scene.known.get(name, ("1", "true", "x", "2025-09-01")))))
            pairs.append(f"{name}={value}")
        if chance.once_in(40):
            pairs.append(
                chance.pick(("surprise=1", "=", "&&", "limit", "limit=1;limit=2", "%00=1", "a[]=1", "limit=%31"))
            )
        if chance.once_in(60) and pairs:
            pairs.append(pairs[0])
        return "?" + "&".join(pairs) if pairs else ""

    def _cursor(self) -> str:
        mark = self.chance.changed(
            self.chance.pick(([1], ["2025-01-01", "x"], [1, "x"], 1, "x", [1, 2, 3], ["a", "b", 1]))
        )
        return base64.urlsafe_b64encode(self.chance.written(mark)).decode().rstrip("=")[:4000]

    def _headers(self, made: Request) -> None:
        chance = self.chance
        while chance.once_in(8):
            name = chance.pick(HEADERS)
            if name in HARD and not chance.once_in(4):
                continue
            value = chance.hostile_text().encode("utf-8", "surrogatepass").replace(b"\n", b" ").replace(b"\r", b" ")
            made.headers.append((name.lower().encode(), value[:2000]))

    def _body(self, made: Request, token: str) -> None:
        chance = self.chance
        if made.route.is_page:
            self._form(made, token)
            return
        told = operation_for(made.route.method, made.route.path) or {}
        content: Mapping[str, Any] = told.get("requestBody", {}).get("content", {})
        if made.route.path == RECEIVING:
            self._usage(made)
        elif made.route.path == "/v1/bank-statements" and content:
            self._typed(made, chance.pick(list(content)), self.statement())
        elif content:
            value = self.values.of(content[JSON]["schema"])
            if chance.once_in(2):
                value = chance.changed(value)
            body = chance.written(value)
            self._typed(made, JSON, chance.broken(body) if chance.once_in(12) else body)
        elif chance.once_in(20):
            self._typed(made, JSON, chance.written(chance.hostile()))

    def _typed(self, made: Request, content_type: str, body: bytes) -> None:
        chance = self.chance
        if chance.once_in(100):
            content_type = chance.pick((*TEXTS[6:30], "text/plain", f"{content_type}; charset=utf-16", "a/b; =", EVENT))
        made.headers.append((b"content-type", content_type.encode("utf-8", "surrogatepass").replace(b"\n", b"")))
        if chance.once_in(10):
            coding = chance.pick(("gzip", "zstd", "gzip", "zstd", "deflate", "gzip, gzip", "identity", "GZIP", "br"))
            body = gzip.compress(body, 1) if "gzip" in coding.lower() else zstandard.compress(body)
            body = chance.broken(body) if chance.once_in(3) else body
            made.headers.append((b"content-encoding", coding.encode()))
        made.body = body

    def _usage(self, made: Request) -> None:
        chance = self.chance
        if chance.once_in(3):
            self._typed(made, ARROW, arrow_body(chance, self.fuzz))
        elif chance.once_in(4):
            record = chance.changed(self.fuzz.record())
            for name in ("specversion", "id", "source", "type"):
                value = {"specversion": "1.0", "id": str(record.get("id") if isinstance(record, dict) else 1)}.get(
                    name, "/p"
                )
                made.headers.append(
                    (f"ce-{name}".encode(), quote_from_bytes(value.encode("utf-8", "surrogatepass")).encode())
                )
            if chance.once_in(3):
                made.headers.append(
                    (b"ce-time", chance.hostile_text().encode("utf-8", "surrogatepass")[:500].replace(b"\n", b""))
                )
            self._typed(made, JSON, chance.written(record))
        elif chance.once_in(3):
            records = [chance.changed(self.fuzz.record()) for _ in range(chance.pick((0, 1, 2, 5)))]
            self._typed(made, chance.pick((JSON, NDJSON)), chance.written(records))
        else:
            body, kind = self.fuzz.body(chance.pick((1, 1, 3, 30)))
            self._typed(made, kind, body)

    def statement(self) -> bytes:
        """A statement of the bank, nearly as banks write them."""
        chance = self.chance
        lines = STATEMENT.splitlines()
        reference = chance.pick(self.scene.known["reference"])
        for number in range(chance.pick((0, 1, 5))):
            amount = chance.pick(("1.00", "20000.00", "-5", "9" * 30, "1e5", "", "１", "0.001", "NaN"))
            day = chance.pick(("2026-11-02", "2026/11/02", "1900-01-01", "9999-12-31", "0001-01-01", "46000", ""))
            said = chance.pick((reference, "手续费", "\0", "=1+1", "x" * 5000, "合计"))
            lines.append(f"{day},{amount},,F{chance.random.randrange(10**6)}-{number},b,1,{said}")
        body = "\n".join(lines).encode(chance.pick(("utf-8", "utf-8", "utf-8-sig", "gb18030", "utf-16")))
        return chance.broken(body) if chance.once_in(3) else body

    def _form(self, made: Request, token: str) -> None:
        chance = self.chance
        if made.route.method == "GET" and not chance.once_in(50):
            return
        ends = made.route.path == "/console/logout" and not chance.once_in(100)
        fields: dict[str, Any] = {"token": chance.hostile_text()[:99] if ends else token}
        for name in chance.random.sample(FORM_FIELDS, chance.pick((0, 1, 3, 6))):
            good = str(chance.pick(self.scene.known.get(name, ("1", "x", "0.2", "100.00"))))
            fields[name] = chance.hostile_text()[:1500] if chance.once_in(3) else good
        if "answers" in made.route.path or made.route.path == "/console/reconciliation" or chance.once_in(40):
            made.body = self._multipart(fields)
            made.headers.append((b"content-type", b"multipart/form-data; boundary=b"))
        else:
            pairs = (f"{name}={self._escaped(str(value))}" for name, value in fields.items())
            made.body = "&".join(pairs).encode()
            made.headers.append((b"content-type", b"application/x-www-form-urlencoded"))
        made.body = chance.broken(made.body) if chance.once_in(10) else made.body

    def _multipart(self, fields: Mapping[str, Any]) -> bytes:
        chance = self.chance
        name = chance.pick(("a.csv", "SB-1.json", *TEXTS)).replace("\n", "").replace('"', "%22").replace("\r", "")
        parts = [f'Content-Disposition: form-data; name="{one}"\r\n\r\n{value}' for one, value in fields.items()]
        file = self.statement() if chance.once_in(2) else json.dumps({"status": "paid", "amount_fen": 1}).encode()
        written = [part.encode("utf-8", "surrogatepass") for part in parts]
        head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode(
            "utf-8", "surrogatepass"
        )
        return b"".join(b"--b\r\n" + part + b"\r\n" for part in [*written, head + file]) + b"--b--\r\n"
