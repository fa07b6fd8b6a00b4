"""The payout job and the bank as processes of their own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.bank.behaviour import WAYS

SEED = 20261130
STARTING = 12
TOP = Path(__file__).parents[2]


class Bank:
    """The bank's process and its door."""

    def __init__(self, folder: Path, gateway: str, ways: str = ",".join(WAYS)) -> None:
        self.journal = folder / "journal"
        command = [
            sys.executable,
            "-m",
            "tests.bank",
            "--journal",
            str(self.journal),
            "--seed",
            str(SEED),
            "--ways",
            ways,
        ]
        if gateway == "batch":
            command += ["--folder", str(folder / "exchange")]
        self._process = subprocess.Popen(command, cwd=TOP, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()

    def control(self, **said: Any) -> dict[str, Any]:
        """Ask for nights, healing or money back; how things stand."""
        answer = httpx.post(f"{self.url}/control", json=said, timeout=30)
        found: dict[str, Any] = answer.json()
        return found

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


def settings_of(folder: Path, bank: Bank, gateway: str) -> Path:
    """The job's settings as a file."""
    path = folder / "payout.toml"
    part = f'[http]\nurl = "{bank.url}"\ntimeout_seconds = 1\nresend_after_hours = 24\nfollow_days = 3650\n'
    if gateway == "batch":
        part = f'[batch]\nfolder = "{folder / "exchange"}"\n'
    path.write_text(f'gateway = "{gateway}"\nlimit = 7\nevery_seconds = 1\n{part}')
    return path


def job(database: str, settings: Path, name: str, *more: str) -> subprocess.Popen[str]:
    """A job of its own process."""
    command = [sys.executable, "-m", "api", "payout", "run", "--settings", str(settings), "--worker", name, *more]
    return subprocess.Popen(
        command, cwd=TOP, env={**os.environ, "DATABASE_URL": database}, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


async def at_work(bank: Bank, since: int, seconds: int = STARTING) -> bool:
    """Wait until the bank's journal has grown, which it has then, or for a pass in which nothing is due."""
    for _ in range(seconds * 50):
        await asyncio.sleep(0.02)
        if (bank.journal.stat().st_size if bank.journal.exists() else 0) > since:
            return True
    return False
