"""Of a machine's workers one reads what all would read alike; when it ends, killed or not, another does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from api.process.one_of_workers import OneOfWorkers
from api.process.workers import FOLDER

OTHER = """
import sys, time
from api.process.one_of_workers import OneOfWorkers
one = OneOfWorkers()
print(one.chosen(), flush=True)
time.sleep(600)
"""


def test_who_is_alone_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    assert OneOfWorkers().chosen()
    assert OneOfWorkers().chosen()


def test_one_of_several_reads_until_it_leaves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    first, second, third = OneOfWorkers(), OneOfWorkers(), OneOfWorkers()
    assert [first.chosen(), second.chosen(), third.chosen(), first.chosen()] == [True, False, False, True]
    first.leave()
    assert [second.chosen(), third.chosen()] == [True, False]
    second.leave()


def test_a_killed_worker_leaves_its_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", OTHER], stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline().strip() == "True"
            mine = OneOfWorkers()
            assert not mine.chosen()
        finally:
            other.kill()
        other.wait()
        assert mine.chosen()
        mine.leave()
