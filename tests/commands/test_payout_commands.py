"""`suanbu payout` on the command line: what it would pay, one pass through a bank, a statement, and what differs."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from settlement.numbers.yuan import plain_yuan
from tests.payout.conftest import Paying
from tests.payout.conftest import paying as paying
from tests.payout.files import instructions
from tests.payout.released import released

TOP = Path(__file__).parents[2]
HEADS = "交易日期,借方金额,贷方金额,交易流水号,对方户名,对方账号,摘要\n"


async def suanbu(paying: Paying, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line against the database of the test."""
    command = [sys.executable, "-m", "api", "payout", *arguments]
    environment = {**os.environ, "DATABASE_URL": paying.door.url}
    return await asyncio.to_thread(
        subprocess.run, command, cwd=TOP, env=environment, capture_output=True, text=True, timeout=240
    )


async def test_from_a_dry_run_to_the_statement(paying: Paying, tmp_path: Path) -> None:
    folder = tmp_path / "bank"
    waiting = await suanbu(paying, "run", "--batch", str(folder), "--once")
    assert waiting.returncode == 0, waiting.stderr
    assert "18 payments, 360000 fen, wait for their release" in waiting.stdout
    await released(paying)
    dry = await suanbu(paying, "run", "--batch", str(folder), "--dry-run", "--json")
    told = [json.loads(line) for line in dry.stdout.splitlines()]
    due = await instructions(paying)
    assert [one["reference"] for one in told] == [one["reference"] for one in due]
    assert {one["would"] for one in told} == {"send"}
    assert all("****" in one["account_masked"] for one in told)
    assert not list((folder / "out").iterdir()), "a dry run does nothing"
    (tmp_path / "payout.toml").write_text(
        f'gateway = "batch"\nlimit = 5\nevery_seconds = 1\n[batch]\nfolder = "{folder}"\nencoding = "gb18030"\n'
    )
    done = await suanbu(paying, "run", "--settings", str(tmp_path / "payout.toml"), "--once", "--json")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["status"] for line in done.stdout.splitlines()] == ["handed_over"] * 5
    [out] = list((folder / "out").iterdir())
    assert due[0]["reference"] in out.read_text(encoding="gb18030")
    statement = tmp_path / "statement.csv"
    statement.write_text(HEADS + f"2026-11-30,{plain_yuan(100)},,F1,银行,,手续费\n", encoding="utf-8")
    taken = await suanbu(paying, "statement", str(statement), "--json")
    assert (taken.returncode, json.loads(taken.stdout)["lines"]) == (0, 1), taken.stderr
    again = await suanbu(paying, "statement", str(statement), "--json")
    assert (again.returncode, json.loads(again.stdout)["refused"]) == (1, "ALREADY_IMPORTED")
    found = await suanbu(paying, "reconcile")
    assert found.returncode == 1
    assert "unexplained" in found.stdout
    assert found.stdout.count("with_the_bank") == 5


async def test_metrics_are_shown_where_they_are_asked_for_or_the_job_does_not_begin(
    paying: Paying, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.2", 0)) as taken:
        here = ("--metrics-host", "127.0.0.2", "--metrics-port", str(taken.getsockname()[1]))
        refused = await suanbu(paying, "run", "--batch", str(tmp_path / "bank"), *here)
    assert refused.returncode == 3
    [said] = [line for line in refused.stderr.splitlines() if line]
    assert "cannot be used" in said
