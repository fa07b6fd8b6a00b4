"""Keys, people, settlements, verification, worlds and payouts from the command line, on an embedded database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.postgres import folder_for_postgres
from tests.support.records import chip, entity, facility, usage
from tests.support.serving import Served

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A data directory of its own."""
    with folder_for_postgres() as found:
        yield found


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    """Run `suanbu` with that data directory."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "api", *arguments]
        if arguments[0] != "world":
            command += ["--data", str(folder)]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=120,
            env={**os.environ, "DATABASE_URL": "", **environment},
        )  # fmt: skip

    return run


def test_the_database_is_upgraded_once(run: Run) -> None:
    first, second = run("db", "upgrade"), run("db", "upgrade")
    assert first.stdout.startswith("upgraded from nothing to"), first.stderr
    assert second.stdout.startswith("already at")
    assert run("db", "url").stdout.startswith("postgresql://")


def test_a_key_is_shown_once_listed_without_its_secret_and_revoked(run: Run) -> None:
    key = run("key", "create", "--name", "platform", "--scope", "usage:write,usage:read").stdout.strip()
    assert key.startswith("suanbu_")
    prefix, secret = key.split("_", 2)[1:]
    listed = run("key", "list").stdout
    assert prefix in listed
    assert secret not in listed
    assert "live" in listed
    assert run("key", "revoke", prefix).returncode == 0
    assert "revoked" in run("key", "list").stdout
    assert run("key", "revoke", "nosuch").returncode != 0
    refused = run("key", "create", "--name", "x", "--scope", "everything")
    assert refused.returncode != 0
    assert "unknown scope" in refused.stderr


def test_settling_nothing_is_a_settlement_and_verifies(run: Run) -> None:
    settled = run("settle", "anhui-2026", "--rate", "0.20", "--json")
    assert settled.returncode == 0, settled.stderr
    found = json.loads(settled.stdout)
    assert found["totals"]["award_fen"] == 0
    verdict = json.loads(run("verify", found["id"], "--json").stdout)
    assert verdict["equal"]
    refused = run("settle", "anhui-2026", "--rate", "0.3", "--json")
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["refused"] == "RATE_ABOVE_CEILING"
    assert run("verify", "nothing-of-the-kind").returncode == 1


def test_comparing_from_the_command_line_stores_nothing(run: Run) -> None:
    compared = run("settle", "anhui-2026", "--rate", "0.20", "--compare", "rate=0.10,budget_fen=500,net_effect=gate")
    assert compared.returncode == 0, compared.stderr
    items = json.loads(compared.stdout)["items"]
    assert [(one["order"], one["readings"]["net_effect"]) for one in items] == [
        ({"rate": "0.2"}, "proportional"),
        ({"rate": "0.1", "budget_fen": 500}, "proportional"),
        ({"rate": "0.2"}, "gate"),
        ({"rate": "0.1", "budget_fen": 500}, "gate"),
    ]
    assert all(set(one["difference"]) == {"totals", "cities", "entities"} for one in items)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("settle", "anhui-2031"), "UNKNOWN_ROUND", "anhui-2026"),
        (("settle", "anhui-2026", "--rate", "20%"), "RATE_NOT_EXACT", "R-CAP20"),
        (("settle", "anhui-2026", "--budget-fen", "-1"), "BUDGET_NEGATIVE", "R-BUDGET"),
        (("settle", "anhui-2026", "--as-of", "9" * 30), "UNKNOWN_BATCH", "999"),
        (("settle", "anhui-2026", "--reading", "mood=good"), "UNKNOWN_READING", "net_effect"),
        (("settle", "anhui-2026", "--reading", "related=1e1000000000"), "UNKNOWN_READING_VALUE", "0.25"),
        (("settle", "anhui-2026", "--compare", "rate=0.21"), "RATE_ABOVE_CEILING", "R-CAP20"),
        (("settle", "anhui-2026", "--compare", "budget_fen=all"), "BUDGET_NOT_EXACT", "R-BUDGET"),
        (("settle", "anhui-2026", "--compare", "mood=good"), "UNKNOWN_READING", "net_effect"),
    ],
    ids=str,
)
def test_what_cannot_be_settled_is_refused_on_the_command_line(
    run: Run, arguments: tuple[str, ...], code: str, words: str
) -> None:
    refused = run(*arguments, "--json")
    assert refused.returncode == 1
    said = json.loads(refused.stdout)
    assert said["refused"] == code
    assert words in said["detail"]


def test_the_journal_verifies(run: Run) -> None:
    verdict = run("verify", "journal", "--json")
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


def test_a_payout_run_with_nothing_to_pay_says_so(run: Run, tmp_path: Path) -> None:
    done = run("payout", "run", "--exchange", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "nothing" in done.stdout


def test_worlds_are_run_and_judged(run: Run, tmp_path: Path) -> None:
    world = {
        "id": "one",
        "title": "one record",
        "round": "anhui-2026",
        "order": {"rate": "0.20"},
        "entities": [entity()],
        "facilities": [facility()],
        "chips": [chip()],
        "usage": [usage("u1", charge_fen=1000)],
        "expected": {"totals": {"award_fen": 200}},
    }
    file = tmp_path / "worlds.yaml"
    file.write_text(yaml.safe_dump([world, {**world, "id": "two", "expected": {"totals": {"award_fen": 201}}}]))
    done = run("world", str(file))
    assert done.returncode == 1
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["ok"], second["ok"]) == (True, False)
    assert second["differences"] == ["totals.award_fen: expected 201, got 200"]
    gated = run("world", str(file), "--readings", "rounding=half_up")
    assert json.loads(gated.stdout.splitlines()[0])["ok"]
    file.write_text("- {id: [")
    broken = run("world", str(file))
    assert broken.returncode == 2
    assert "is not YAML" in broken.stderr
    assert "Traceback" not in broken.stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_a_service_that_is_told_to_stop_stops_its_database(workers: int) -> None:
    with folder_for_postgres() as data:
        with Served.with_data(data, workers) as served:
            assert (data / "postgres" / "postmaster.pid").exists()
        assert not (data / "postgres" / "postmaster.pid").exists()
        assert served.status == 0


def test_an_archive_of_nothing_is_checked_and_rolled_up_anew(run: Run) -> None:
    assert json.loads(run("archive", "--json").stdout) == {"sealed": None}
    missing = run("archive", "--up-to", "7")
    assert missing.returncode == 1
    assert "no batch 7" in missing.stdout
    checked = run("verify", "archive", "--json")
    assert checked.returncode == 0
    assert json.loads(checked.stdout)["equal"]
    rolled = run("rollup", "--json")
    assert rolled.returncode == 0, rolled.stderr
    assert json.loads(rolled.stdout)["equal"]


def test_a_service_whose_workers_cannot_start_says_so_and_ends(run: Run) -> None:
    """Rather than starting them again for ever."""
    ended = run("serve", "--port", "0", "--workers", "2", SUANBU_DIGEST="no-such-digest")
    assert ended.returncode == 3
    assert "SUANBU_DIGEST must be one of" in ended.stderr
    assert any(line.startswith("suanbu gives up: 6 worker processes") for line in ended.stderr.splitlines())
    assert "ready" not in ended.stdout


@pytest.mark.parametrize("word", ["serve", "db"])
def test_a_command_loads_no_more_than_it_needs(word: str) -> None:
    """Least of all the one that starts a service again: the workers load the rest."""
    code = (
        "import sys; from api.commands import command_line; command_line(sys.argv[1]); "
        "print(*sorted({'fastapi', 'numba', 'pandas', 'polars', 'api.app'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code, word], capture_output=True, text=True, check=True)
    assert said.stdout.split() == []


def test_intake_loads_no_pandas_where_it_is_installed() -> None:
    """It takes half a second of every worker's start, for nothing."""
    code = (
        "import sys, types; from importlib.machinery import ModuleSpec\n"
        "class Found:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        return ModuleSpec(name, self) if name == 'pandas' else None\n"
        "    def create_module(self, spec): raise AssertionError('pandas is loaded')\n"
        "    def exec_module(self, module): pass\n"
        "sys.meta_path.insert(0, Found())\n"
        "from meter.intake.warm_up import warm_up; warm_up()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
