"""Who gives a command: a person who has logged in, or a key; never what the environment says."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pyotp
import pytest
from typer.testing import CliRunner

from api.commands import command_line
from api.commands.hand import is_private, session_file
from meter.database.embedded import embedded
from meter.database.roles import OPERATOR
from tests.support.postgres import folder_for_postgres
from tests.support.serving import Served

RUNNER = CliRunner()
PASSWORD = "a long enough one"
NAMES = dict.fromkeys(("LOGNAME", "USER", "USERNAME", "SUDO_USER", "SUANBU_USER"), "director")


class Shell:
    """The command line on one data directory, with an environment that names somebody else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.codes: dict[str, pyotp.TOTP] = {}

    def __call__(self, *arguments: str, said: str = "", fails: bool = False) -> str:
        """Run a command that ends well (or `fails`); what it prints."""
        done = RUNNER.invoke(
            command_line(None), [*arguments, "--data", str(self.folder)], input=said,
            env={"DATABASE_URL": "", "SUANBU_PASSWORD": PASSWORD, **NAMES},
        )  # fmt: skip
        assert (done.exit_code != 0) == fails, (arguments, done.output, done.exception)
        return " ".join(done.output.replace("│", " ").split()) if fails else done.stdout

    def person(self, name: str, role: str) -> None:
        """Make a person."""
        uri = self("user", "create", "--name", name, "--role", role).splitlines()[-1]
        totp = pyotp.parse_uri(uri)
        assert isinstance(totp, pyotp.TOTP)
        self.codes[name] = totp

    def log_in(self, name: str, code: str | None = None, *, fails: bool = False) -> str:
        """Type name, password and code."""
        return self("login", said=f"{name}\n{PASSWORD}\n{code or self.codes[name].now()}\n", fails=fails)


@pytest.fixture(scope="module")
def shell() -> Iterator[Shell]:
    """An installation with an administrator, a clerk and an approver, and a database that stays up meanwhile."""
    with folder_for_postgres() as folder, Served.with_data(folder):
        made = Shell(folder)
        for name, role in (("chen", "admin"), ("wang", "finance"), ("li", "approver")):
            made.person(name, role)
        yield made


def test_until_an_administrator_has_logged_in_the_system_says_who_and_then_a_person_must(shell: Shell) -> None:
    """One life of an installation, from its first commands on."""
    before = json.loads(shell("settle", "anhui-2026", "--rate", "0.20", "--json"))
    payer = shell("key", "create", "--name", "payer", "--scope", "payout:run").strip()
    shell.log_in("chen", "000000", fails=True)
    assert not session_file(shell.folder).exists()
    assert "logged in as chen" in shell.log_in("chen")
    kept = session_file(shell.folder)
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    shell("key", "create", "--name", "clerk", "--scope", "settlement:run")
    assert "this needs the scope settlement:run" in shell("settle", "anhui-2026", fails=True)
    assert "logged out" in shell("logout")
    for decides in (
        ("settle", "anhui-2026", "--rate", "0.19"), ("payout", "run", "--exchange", str(shell.folder / "bank")),
        ("key", "create", "--name", "mine", "--scope", "settlement:approve"), ("key", "revoke", "x"),
        ("user", "create", "--name", "mine", "--role", "approver"), ("user", "password", "li"),
        ("user", "second-factor", "li"), ("user", "disable", "chen"), ("user", "unlock", "li"),
    ):  # fmt: skip
        assert "log in first" in shell(*decides, fails=True), decides
    shell("verify", before["id"])
    shell.log_in("wang")
    shell("settle", "anhui-2026", "--rate", "0.18", "--json")
    assert "an administrator's" in shell("key", "create", "--name", "x", "--scope", "settlement:run", fails=True)
    shell("logout")
    key = shell.folder / "payer.key"
    key.write_text(payer + "\n")
    job = ("payout", "run", "--exchange", str(shell.folder / "bank"), "--key-file", str(key))
    key.chmod(0o644)
    assert "mode 0600" in shell(*job, fails=True)
    key.chmod(0o600)
    assert "nothing to hand over" in shell(*job)
    assert "the scope settlement:run" in shell("settle", "anhui-2026", "--key-file", str(key), fails=True)
    link = shell.folder / "link.key"
    link.symlink_to(key)
    assert "cannot be read" in shell(*job[:-1], str(link), fails=True)
    kept.write_text("somebody else's\n")
    kept.chmod(0o644)
    assert "mode 0600" in shell("settle", "anhui-2026", fails=True)
    kept.unlink()


async def test_the_log_names_the_person_and_never_the_environment(shell: Shell) -> None:
    with embedded(shell.folder) as server:
        connection = await asyncpg.connect(server.socket_url(OPERATOR))
        try:
            await connection.execute("set role suanbu_command")
            rows = await connection.fetch("select actor, action, result from audit order by seq")
            with pytest.raises(asyncpg.CheckViolationError, match="just logged in as one"):
                await connection.execute(
                    """insert into api_key (prefix, secret_digest, name, scopes, created_at, signed)
                       values ('aaaaaaaaaaaa', '', 'mine', '{settlement:approve}', now(), false)"""
                )
            for sql in ("select person_noted('chen', 'disable', now())", "select person_given('li', 'password', "
                        "'$argon2id$', now())"):  # fmt: skip
                with pytest.raises(asyncpg.CheckViolationError, match="just logged in as one"):
                    await connection.execute(sql)
        finally:
            await connection.close()
    log = [tuple(row) for row in rows]
    assert [one for one in log if "director" in one[0]] == []
    assert ("person:chen", "key.create", "done") in log
    assert ("person:wang", "settlement.run", "done") in log
    assert ("nobody", "person.login", "refused") in log
    runs = [actor for actor, action, _ in log if action == "settlement.run"]
    assert runs[0].startswith("command line:")
    assert runs[1:] == ["person:wang"]


@pytest.mark.parametrize(
    ("mode", "owner", "handed_over", "private"),
    [
        (0o100600, 7, False, True),
        (0o100640, 7, False, False),
        (0o100604, 7, True, False),
        (0o100440, 0, True, True),  # a credential of systemd's, a secret of Kubernetes
        (0o100440, 0, False, False),
        (0o100444, 0, True, False),
        (0o100460, 0, True, False),
        (0o100400, 8, True, False),
        (0o120600, 7, True, False),
    ],
)
def test_a_key_file_is_ours_alone_or_handed_over_by_root(
    mode: int, owner: int, handed_over: bool, private: bool
) -> None:
    found = os.stat_result((mode, 0, 0, 1, owner, 0, 0, 0, 0, 0))
    assert is_private(found, 7, handed_over=handed_over) is private
