"""`suanbu serve` ends with one line, before it says that it is ready, where it cannot serve."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import asyncpg
import pytest

from api.newer_database import refuse_newer_database
from migrations.revisions import newest
from tests.support.api_client import ApiClient, problem


def serve(database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `suanbu serve`, which is to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "api", "serve", *arguments], capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "DATABASE_URL": database},
    )  # fmt: skip


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_that_is_taken_is_said_before_anything_else(database: str, workers: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = serve(database, "--port", str(port), "--workers", str(workers))
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"suanbu: cannot listen at 127.0.0.1:{port}: another process listens there\n"


async def test_older_code_does_not_serve_a_newer_database(
    database: str, owner: asyncpg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    await owner.execute("update alembic_version set version_num = '9999'")
    try:
        done = serve(database, "--port", "0")
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.count("\n") == 1
        assert "the database is at 9999, and this is older code" in done.stderr
        with pytest.raises(SystemExit) as ended:  # as a worker that starts again beside newer code
            refuse_newer_database(database)
        assert ended.value.code == 3
        assert "this is older code" in capsys.readouterr().err
    finally:
        await owner.execute(f"update alembic_version set version_num = '{newest()}'")
    refuse_newer_database(database)


DIFFERENT = {
    "a table is not there": (
        "alter table finding rename to finding_1",
        "alter table finding_1 rename to finding",
        "finding",
    ),
    "a column is not there": (
        "alter table batch rename key_name to key_name_1",
        "alter table batch rename key_name_1 to key_name",
        "batch.key_name",
    ),
    "a column may be empty": (
        "alter table quarantine alter detail drop not null",
        "alter table quarantine alter detail set not null",
        "quarantine.detail (must not be empty)",
    ),
}


@pytest.mark.parametrize(("change", "undo", "said"), DIFFERENT.values(), ids=DIFFERENT.keys())
async def test_a_database_of_the_right_number_and_another_shape_is_not_ready(
    app: ApiClient, owner: asyncpg.Connection, change: str, undo: str, said: str
) -> None:
    assert (await app.client.get("/readyz")).status_code == 200
    await owner.execute(change)
    try:
        answer = await app.client.get("/readyz")
        assert problem(answer) == (503, "migrations_missing")
        assert said in answer.json()["detail"]
        done = serve(app.url, "--port", "0")
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.count("\n") == 1
        assert said in done.stderr
    finally:
        await owner.execute(undo)
