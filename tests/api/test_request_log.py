"""Every request has a name that client and log share, one line in the log, and no secret on it."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.process.logs import write_logs
from api.setting_table import TABLE, Setting, as_markdown, in_force, masked
from tests.support.api_client import ApiClient, KeyClient
from tests.support.records import as_array, usage
from tests.support.serving import in_process

Lines = Callable[[], list[dict[str, object]]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """Reads what has been logged as JSON."""
    monkeypatch.setenv("SUANBU_LOG_FORMAT", "json")
    root = logging.getLogger()
    before, level = root.handlers, root.level
    written = io.StringIO()
    write_logs(written)

    def read() -> list[dict[str, object]]:
        return [json.loads(line) for line in written.getvalue().splitlines()]

    try:
        yield read
    finally:
        root.handlers = before
        root.setLevel(level)


async def test_a_request_is_named_as_the_client_says_or_anew(app: ApiClient) -> None:
    said = await app.client.get("/v1/rounds", headers={"X-Request-Id": "batch-4711:retry.2"})
    assert said.headers["X-Request-Id"] == "batch-4711:retry.2"
    assert said.json()["request_id"] == "batch-4711:retry.2", "a problem document, there being no key"
    for unfit in ("", "x" * 65, "two words", "-x", "a\tb", "ü"):
        found = (await app.client.get("/healthz", headers=[(b"x-request-id", unfit.encode())])).headers["X-Request-Id"]
        assert len(found) == 32, unfit
        assert found != unfit
    one, two = [(await app.client.get("/healthz")).headers["X-Request-Id"] for _ in range(2)]
    assert one != two


async def test_the_log_says_who_asked_for_what_and_never_a_secret(
    app: ApiClient, platform: KeyClient, lines: Lines
) -> None:
    assert (await platform.send(as_array([usage("logged")]))).status_code == 200
    await platform.get("/usage-records/nobody/nothing")
    await app.client.get("/v1/rounds?token=s3cret", headers={"Authorization": "Bearer s3cret"})
    await app.client.get("/healthz")
    found = [line for line in lines() if line["event"] == "request"]
    assert [(line["method"], line["route"], line["status"]) for line in found] == [
        ("POST", "/v1/usage-records", 200),
        ("GET", "/v1/usage-records/{source}/{record_id}", 404),
        ("GET", "/v1/rounds", 400),
    ]
    for line in found[:2]:
        assert str(line["actor"]).startswith("key:holder-")
        assert line["level"] == "info"
        assert str(line["timestamp"]).endswith("Z")
        assert float(str(line["ms"])) >= 0
        assert len(str(line["request_id"])) == 32
    assert platform.key.rsplit("_", 1)[1] not in json.dumps(found)
    assert "s3cret" not in json.dumps(found)


@pytest.mark.usefixtures("lines")
async def test_a_log_that_nobody_reads_any_more_stops_no_request(app: ApiClient) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as broken:
        write_logs(broken)
        assert (await app.client.get("/v1/rounds")).status_code == 401
        assert (await app.client.get("/v1/rounds")).status_code == 401
        with contextlib.suppress(BrokenPipeError):
            broken.close()


async def test_the_access_log_can_be_turned_off(app: ApiClient, monkeypatch: pytest.MonkeyPatch, lines: Lines) -> None:
    monkeypatch.setenv("SUANBU_ACCESS_LOG", "off")
    async with in_process(app.url) as door:
        await door.client.get("/v1/rounds")
    assert [line for line in lines() if line["event"] == "request"] == []


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command."""
    return subprocess.run(
        [sys.executable, "-m", "api", *arguments], capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "DATABASE_URL": "", **environment},
    )  # fmt: skip


def test_the_settings_in_force_are_printed_without_secrets() -> None:
    done = run(
        "config", "--json", DATABASE_URL="postgresql://svc:s3cret@db/suanbu?sslmode=require", SUANBU_SEAL_KEY="5e" * 32,
        SUANBU_LOG_FORMAT="json",
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["DATABASE_URL"] == "postgresql://svc:***@db/suanbu?sslmode=require"
    assert (found["SUANBU_SEAL_KEY"], found["SUANBU_LOG_FORMAT"], found["SUANBU_LOG_LEVEL"]) == (
        "(set)",
        "json",
        "info",
    )
    assert "s3cret" not in done.stdout
    pairs = Setting("DATABASE_URL", "", "")
    assert masked(pairs, "host=h password='a b' user=u") == "host=h password=*** user=u"
    assert masked(pairs, "postgresql://h/d?user=u&password=x&port=5") == "postgresql://h/d?user=u&password=***&port=5"


def test_a_setting_that_is_none_is_refused_in_a_line() -> None:
    done = run("serve", "--port", "0", SUANBU_LOG_FORMAT="xml")
    assert done.returncode == 2
    assert "SUANBU_LOG_FORMAT is one of console, json" in done.stderr.replace("\n", " ")


def test_the_version_is_said() -> None:
    assert run("--version").stdout.startswith("suanbu 0.")


def test_every_setting_that_the_code_reads_is_in_the_table() -> None:
    named = {one.name for one in TABLE}
    read = subprocess.run(
        ["grep", "-rhoE", "SUANBU_[A-Z_]+", "api", "meter", "settlement", "migrations", "--include=*.py"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert set(read) - {"SUANBU_"} <= named
    assert {name for name, _, _ in in_force({})} <= named
    assert as_markdown() in Path("docs/operations.md").read_text(), "suanbu config --table"
    assert as_markdown().count("\n") == 1 + sum(not one.own for one in TABLE)
