"""Traces: a request, its batch and its statements are one, whose id is in the log; without OTEL_ there is nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from api.process.traces import asked_for
from tests.support.api_client import ApiClient
from tests.support.postgres import Cluster
from tests.support.records import usage
from tests.support.serving import Served, over_http

SENT = "4bf92f3577b34da6a3ce929d0e0e4736"
"""The trace that a client of these tests has begun."""


@dataclass
class Collector:
    """Takes spans as any collector of OTLP over HTTP does."""

    url: str
    spans: list[Any] = field(default_factory=list)
    services: set[str] = field(default_factory=set)

    def take(self, body: bytes) -> None:
        """Keep what was sent."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.services |= {
                one.value.string_value for one in resource.resource.attributes if one.key == "service.name"
            }
            for scope in resource.scope_spans:
                self.spans += scope.spans

    def named(self, name: str) -> list[Any]:
        """The spans of a name."""
        return [one for one in self.spans if one.name == name]


@pytest.fixture
def collector() -> Iterator[Collector]:
    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    found = Collector(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


async def live(door: ApiClient) -> None:
    """A delivery whose sender has begun a trace, a refusal, and a job."""
    await door.register_the_usual()
    platform = await door.platform()
    headers = {"Authorization": f"Bearer {platform.key}", "traceparent": f"00-{SENT}-00f067aa0ba902b7-01"}
    answer = await door.client.post("/v1/usage-records", json=[usage("a secret name")], headers=headers)
    assert answer.status_code == 200
    assert (await door.client.get("/v1/settlements?cursor=private")).status_code == 401
    reader = await door.holder("report:read")
    assert (await reader.get("/usage-totals/verify")).status_code in (200, 202)


async def test_a_request_its_batch_its_statements_and_a_job_are_traced(
    cluster: Cluster, collector: Collector, tmp_path: Path
) -> None:
    async with cluster.database() as database:
        served = Served(
            {"DATABASE_URL": database, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "SUANBU_LOG_FORMAT": "json"},
            ("--workers", "1", "--job-workers", "1"),
        )
        served.log = tmp_path / "log"
        served.start()
        try:
            async with over_http(served.url, database) as door:
                await live(door)
        finally:
            served.stop()
    (request,) = collector.named("POST /v1/usage-records")
    assert request.trace_id.hex() == SENT
    (batch,) = collector.named("batch")
    assert (batch.trace_id, batch.parent_span_id) == (request.trace_id, request.span_id)
    statements = [one for one in collector.spans if one.name.lower() == "select"]
    assert statements
    assert all(one.parent_span_id for one in statements), "a statement that belongs to nothing"
    assert collector.named("transaction of the journal")
    assert collector.named("job recompute")
    assert collector.services == {"suanbu", "suanbu-jobs"}
    lines = [json.loads(line) for line in served.log.read_text().splitlines() if line.startswith("{")]
    (line,) = [one for one in lines if one.get("route") == "/v1/usage-records"]
    assert line["trace_id"] == SENT
    said = b"".join(one.SerializeToString() for one in collector.spans)
    assert b"private" not in said
    assert b"secret name" not in said
    (refused,) = collector.named("GET /v1/settlements")
    assert {one.key: one.value.int_value for one in refused.attributes}["http.response.status_code"] == 401


@pytest.mark.parametrize(
    ("environment", "asked"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "suanbu"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_it_is_off_unless_the_environment_says_where_to(environment: dict[str, str], asked: bool) -> None:
    assert asked_for(environment) is asked


def test_nothing_of_it_is_loaded_while_it_is_off() -> None:
    """But for the small API that FastAPI loads by itself."""
    ours = ("opentelemetry.sdk", "opentelemetry.exporter", "opentelemetry.instrumentation")
    program = (
        "import sys, api.app, api.jobs.process; from api.process import traces; traces.begin('x'); "
        f"print([name for name in sys.modules if name.startswith({ours})])"
    )
    environment = {"PATH": "", "SUANBU_SERVICE_DATABASE_URL": ""}
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert said.stdout.strip() == "[]"
