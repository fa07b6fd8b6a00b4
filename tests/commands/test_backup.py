"""A backup is taken under a running service, the machine is lost, and all is put back elsewhere: to any moment."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from meter.database.roles import sql_for
from meter.database.two_holders import CannotOpen, open_with_two, seal_for_holders
from migrations.upgrade import upgrade
from tests.support.own_server import VERSIONS, binaries_of, own_server
from tests.support.postgres import folder_for_postgres
from tests.support.records import chip, entity, facility, usage, uscc
from tests.support.serving import Served

ACCOUNT = {"bank": "示例银行", "account": "622200001111", "holder": "示例单位"}


def suanbu(*arguments: str | Path, status: int = 0, **environment: str) -> str:
    """Run a command; what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "api", *map(str, arguments)], capture_output=True, text=True, check=False, timeout=280,
        env={**os.environ, "DATABASE_URL": "", "SUANBU_SEAL_KEY": "", **environment},
    )  # fmt: skip
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def folder() -> Iterator[Path]:
    """Room for data, backups and what is put back."""
    with folder_for_postgres() as found:
        for name, words in (("one", "right horse one"), ("two", "right horse two"), ("three", "right horse three")):
            (found / name).write_text(words + "\n")
        yield found


def sent(url: str, key: str, *names: str) -> None:
    """Send usage records that must be taken."""
    records = [usage(name, consumer=uscc(7), charge_fen=11) for name in names]
    answer = httpx.post(f"{url}/v1/usage-records", json=records, headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.json()["accepted"]) == (200, len(names)), answer.text


def state(url: str, key: str) -> dict[str, Any]:
    """Sums, registry and quarantine as the service tells them."""
    paths = ("usage-totals?by=consumer", "entities", "facilities", "quarantine")
    return {
        path: httpx.get(f"{url}/v1/{path}", headers={"Authorization": f"Bearer {key}"}, timeout=60).json()["items"]
        for path in paths
    }


@pytest.mark.timeout(1200)  # it starts servers and commands a dozen times, on however busy a machine
def test_what_was_lost_is_put_back_to_its_end_or_to_a_moment(folder: Path) -> None:
    data, backups = folder / "data", folder / "backups"
    holders = ("--holder", folder / "one", "--holder", folder / "two", "--holder", folder / "three")
    environment = {"SUANBU_SEAL_KEY": ""}
    scopes = "usage:write,usage:read,registry:write,registry:read"
    key = suanbu("key", "create", "--name", "p", "--data", data, "--scope", scopes).strip()
    served = Served({"DATABASE_URL": "", **environment}, ("--data", str(data)))
    served.start()
    try:
        for path, item in (
            ("chips", chip()), ("facilities", facility()), ("entities", entity(uscc(7), bank_account=ACCOUNT)),
        ):  # fmt: skip
            put = httpx.put(f"{served.url}/v1/{path}", json=[item], headers={"Authorization": f"Bearer {key}"})
            assert put.json()["accepted"] == 1, put.text
        sent(served.url, key, "before")
        said = suanbu("backup", backups, "--data", data, *holders)
        place = Path(said.split(": ")[0].splitlines()[-1])
        public = (data / "checkpoint.pub").read_text().strip()
        sent(served.url, key, "until")
        then = state(served.url, key)
        time.sleep(1.1)
        moment = datetime.now(UTC)
        time.sleep(1.1)
        sent(served.url, key, "later-1", "later-2")
        last = state(served.url, key)
    finally:
        served.stop()
    shutil.rmtree(data)

    two = ("--holder", folder / "three", "--holder", folder / "one")
    assert "not the passphrases" in suanbu(
        "restore", place, "--data", folder / "x", "--holder", folder / "one", "--holder", folder / "one", status=2
    )
    for target, to, expected in ((folder / "end", (), last), (folder / "then", ("--to", moment.isoformat()), then)):
        suanbu("restore", place, "--data", target, *two, *to)
        back = Served({"DATABASE_URL": "", **environment}, ("--data", str(target)))
        back.start()
        try:
            assert state(back.url, key) == expected
        finally:
            back.stop()
        assert json.loads(suanbu("verify", "journal", "--json", "--data", target))["equal"]
        checked = suanbu("verify", "--checkpoint", place / "checkpoint", "--public-key", public, "--data", target)
        assert ": equal" in checked
    assert "is not empty" in suanbu("restore", place, "--data", folder / "end", *two, status=2)
    early = ("--to", "2020-01-01T00:00:00+08:00")
    assert "take an earlier one" in suanbu("restore", place, "--data", folder / "y", *two, *early, status=2)
    suanbu("backup", backups, "--data", folder / "end", *holders, "--keep", "1")
    assert [one.name for one in backups.iterdir() if one.name != "wal"] != [place.name]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("right", ["replication", "bypassrls in role pg_read_all_data"])
def test_a_server_of_ones_own_is_copied_whole_or_dumped(folder: Path, version: str, right: str) -> None:
    with own_server(binaries_of(version)) as server:
        server.psql("create role svc login")
        server.psql(sql_for("svc"))
        server.psql(f"create role keeper login {right}")
        service = server.url(user="svc")
        asyncio.run(upgrade(service))
        data = folder / "data"
        suanbu("key", "create", "--name", "p", "--scope", "usage:read", "--data", data, DATABASE_URL=service)
        asked = "select count(*) || ' ' || min(name) from api_key"
        before = server.psql(asked)
        said = suanbu(
            "backup", folder / "backups", "--data", data, "--holder", folder / "one", "--holder", folder / "two",
            DATABASE_URL=service, SUANBU_BACKUP_URL=server.url(user="keeper"),
        )  # fmt: skip
        place = Path(said.split(": ")[0].splitlines()[-1])
        two = ("--holder", folder / "one", "--holder", folder / "two")
        if right == "replication":
            suanbu("restore", place, "--data", folder / "back", *two, DATABASE_URL=service)
            server.stop()
            server.put_back(folder / "back" / "postgres")
            assert server.psql(asked) == before
            back = service
        else:
            server.psql("create database suanbu_back owner suanbu_owner")
            suanbu(
                "restore", place, "--data", folder / "back", *two,
                DATABASE_URL=server.url("suanbu_back", "svc"), SUANBU_BACKUP_URL=server.url("suanbu_back"),
            )  # fmt: skip
            assert server.psql(asked, "suanbu_back") == before
            back = server.url("suanbu_back", "svc")
        for name in ("seal.key", "checkpoint.key"):
            assert (folder / "back" / name).read_text() == (data / name).read_text()
        public = (data / "checkpoint.pub").read_text().strip()
        signed = ("--checkpoint", place / "checkpoint", "--public-key", public)
        suanbu("verify", *signed, "--data", folder / "back", DATABASE_URL=back)


@pytest.mark.timeout(1200)  # a dozen commands, on however busy a machine
def test_a_server_of_ones_own_is_put_back_to_a_moment(folder: Path) -> None:
    """As docs/operations.md says it: a base backup, the log that the server itself keeps, and PostgreSQL's recovery."""
    log = folder / "log"
    with own_server(binaries_of("15")) as server:
        log.mkdir()
        server.give(log)
        server.configure(f"archive_mode = on\narchive_command = 'test ! -f {log}/%f && cp %p {log}/%f'\n")
        server.stop()
        server.start()
        server.psql("create role svc login")
        server.psql(sql_for("svc"))
        server.psql("create role keeper login replication")
        service = server.url(user="svc")
        data = folder / "data"
        two = ("--holder", folder / "one", "--holder", folder / "two")
        seen = "select string_agg(name, ' ' order by name) from api_key"

        def key(name: str) -> None:
            suanbu("key", "create", "--name", name, "--scope", "usage:read", "--data", data, DATABASE_URL=service)

        key("before")
        said = suanbu(
            "backup", folder / "backups", "--data", data, *two,
            DATABASE_URL=service, SUANBU_BACKUP_URL=server.url(user="keeper"),
        )  # fmt: skip
        place = Path(said.split(": ")[0].splitlines()[-1])
        public = (data / "checkpoint.pub").read_text().strip()
        key("until")
        time.sleep(1.1)
        moment = server.psql("select now()")
        time.sleep(1.1)
        key("too-late")
        server.psql("select pg_switch_wal()")
        server.stop()

        suanbu("restore", place, "--data", folder / "back", *two, DATABASE_URL=service)
        files = folder / "back" / "postgres"
        with (files / "postgresql.conf").open("a") as settings:
            settings.write(f"restore_command = 'cp {log}/%f %p'\nrecovery_target_time = '{moment}'\n")
            settings.write("recovery_target_action = promote\n")
        (files / "recovery.signal").touch()
        server.put_back(files)
        assert server.psql(seen) == "before until"
        back = ("--data", folder / "back")
        checked = suanbu(
            "verify", "--checkpoint", place / "checkpoint", "--public-key", public, *back, DATABASE_URL=service
        )
        assert ": equal" in checked
        assert json.loads(suanbu("verify", "journal", "--json", *back, DATABASE_URL=service))["equal"]
        assert (folder / "back" / "seal.key").read_text() == (data / "seal.key").read_text()


def test_any_two_holders_open_the_keys_and_none_alone() -> None:
    keys = {"seal.key": "5e" * 32 + "\n", "checkpoint.key": "x"}
    words = ["right horse one", "right horse two", "right horse three"]
    sealed = seal_for_holders(keys, words)
    for first in words:
        for second in words:
            if first == second:
                with pytest.raises(CannotOpen):
                    open_with_two(sealed, first, second)
            else:
                assert open_with_two(sealed, first, second) == keys
    with pytest.raises(CannotOpen):
        open_with_two(sealed, words[0], "right horse four")
    for changed in (sealed.replace('"keys": "', '"keys": "AA'), sealed[:-3], "{}"):
        with pytest.raises(CannotOpen):
            open_with_two(changed, *words[:2])
    for few in ([words[0]], [words[0], words[0]], [words[0], "short"]):
        with pytest.raises(ValueError, match="passphrase"):
            seal_for_holders(keys, few)
