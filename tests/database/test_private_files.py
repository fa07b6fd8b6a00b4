"""Files of an installation: its owner's alone, the socket where nobody can squat, nothing above the folder opened."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from meter.database.embedded import embedded
from meter.database.embedded_host import DatabaseUnavailable, unprivileged_user
from meter.database.seal import KEY_FILE, ensure_seal
from meter.private_files import (
    LONGEST_SOCKET_NAME,
    SOCKET_PATH_BYTES,
    NotPrivate,
    claim_folder,
    is_private,
    make_folders,
    opened_privately,
    socket_folder,
)

PLAIN_USER = 65534
AS_A_PLAIN_USER = ("setpriv", f"--reuid={PLAIN_USER}", f"--regid={PLAIN_USER}", "--clear-groups")


def mode(path: Path) -> int:
    """A file's or folder's own permissions."""
    return stat.S_IMODE(path.lstat().st_mode)


def open_to_others(folder: Path) -> dict[str, str]:
    """What under a folder anybody but its owner may read or write, with its mode; folders may be passed through."""
    found = {}
    for path in (folder, *folder.rglob("*")):
        allowed = 0o011 if path.is_dir() else 0
        if not path.is_symlink() and mode(path) & 0o077 & ~allowed:
            found[str(path.relative_to(folder))] = oct(mode(path))
    return found


def server_user() -> int:
    """Whose the server's files are."""
    return unprivileged_user() or os.geteuid()


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder of our own that others can pass through, with a short name."""
    folder = Path(tempfile.mkdtemp(prefix="s-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def suanbu(*arguments: str, plain: bool = False) -> subprocess.CompletedProcess[str]:
    """A command with the mask that most systems have; as a plain user when it is root that tests."""
    before = AS_A_PLAIN_USER if plain and os.geteuid() == 0 else ()
    kept = {name: value for name, value in os.environ.items() if name != "SUANBU_SEAL_KEY"}
    return subprocess.run(
        [*before, sys.executable, "-m", "api", *arguments], capture_output=True, text=True, check=False, umask=0o022,
        env={**kept, "DATABASE_URL": ""}, cwd=Path(__file__).parents[2],
    )  # fmt: skip


def test_everything_that_commands_write_is_their_users_alone(place: Path) -> None:
    data = place / "deep" / "data"
    for command in (
        ("key", "create", "--name", "k", "--scope", "usage:read"),
        ("archive",),
        ("payout", "run", "--exchange", str(place / "bank")),
        ("checkpoint", "--out", str(place / "checkpoint.json")),
    ):
        done = suanbu(*command, "--data", str(data))
        assert done.returncode == 0, done.stderr
    written = {path.name for path in data.iterdir()}
    assert written >= {"postgres", "postgres.log", "postgres.logins", "postgres.password", KEY_FILE, "checkpoint.key"}
    assert {name: found for name, found in open_to_others(place).items() if name != "."} == {}
    assert (place / "bank" / "out").is_dir()


def test_a_plain_users_installation_is_closed_altogether(place: Path) -> None:
    home = place / "home"
    home.mkdir()
    if os.geteuid() == 0:
        os.chown(home, PLAIN_USER, PLAIN_USER)
    data = home / "deep" / "data"
    for command in ("upgrade", "url"):
        done = suanbu("db", command, "--data", str(data), plain=True)
        assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("postgresql://suanbu_read:")
    assert {mode(data.parent), mode(data), mode(data / "postgres")} == {0o700}
    assert {name: found for name, found in open_to_others(data).items() if name != "."} == {}


def test_an_older_installation_is_closed(place: Path) -> None:
    data = place / "data"
    with embedded(data):
        pass
    data.chmod(0o755)
    (data / "postgres.log").chmod(0o644)
    with embedded(data):
        assert mode(data) == (0o700 if os.geteuid() else 0o711)
        assert mode(data / "postgres.log") == 0o600
        assert (data / "postgres.password").stat().st_uid == os.geteuid()


def test_nothing_above_the_data_directory_is_opened(place: Path) -> None:
    """A plain user cannot pass a closed folder: then root is told so, and the folder stays as it was."""
    above = place / "closed"
    above.mkdir(mode=0o700)
    with contextlib.suppress(DatabaseUnavailable), embedded(above / "data"):
        assert os.geteuid(), "root needs another user to pass"
    assert mode(above) == 0o700
    if os.geteuid() == 0:
        with pytest.raises(DatabaseUnavailable, match=f"cannot pass through {above}: run suanbu as a plain user"):
            embedded(above / "data").__enter__()


def test_the_socket_lies_under_the_data_directory(place: Path) -> None:
    with embedded(place / "data") as server:
        assert server.socket_folder == place / "data" / "postgres.sockets"
        assert is_private(server.socket_folder, server_user())


def test_a_link_under_the_name_of_an_earlier_socket_folder_moves_nothing(place: Path) -> None:
    """Another user may have put it there: its target stayed whose it was, and the server starts."""
    data, target = place / "data", place / "target"
    target.mkdir()
    before = target.stat()
    name = f"suanbu-{hashlib.sha256(str(data).encode()).hexdigest()[:12]}"
    link = Path(tempfile.gettempdir()) / name
    link.symlink_to(target)
    try:
        with embedded(data):
            pass
    finally:
        link.unlink()
    after = target.stat()
    assert (after.st_uid, after.st_mode) == (before.st_uid, before.st_mode)
    assert list(target.iterdir()) == []


def test_a_link_in_place_of_the_socket_folder_is_refused_and_its_target_stays(place: Path) -> None:
    data, target = place / "data", place / "target"
    data.mkdir()
    target.mkdir(mode=0o755)
    (data / "postgres.sockets").symlink_to(target)
    before = target.stat()
    with pytest.raises(DatabaseUnavailable, match="should be a folder of our own"), embedded(data):
        pass
    assert target.stat() == before


def test_a_long_path_has_its_socket_in_a_folder_whose_name_nobody_guesses(place: Path) -> None:
    data = place / ("long" * 20) / "data"
    assert len(str(data / "postgres.sockets" / LONGEST_SOCKET_NAME)) > SOCKET_PATH_BYTES
    with embedded(data) as server, embedded(data) as again:
        chosen = server.socket_folder
        assert again == server
        assert chosen.parent == Path(tempfile.gettempdir())
        assert is_private(chosen, server_user())
    assert not chosen.exists(), "the last to leave takes it away"
    with embedded(data) as server:
        assert server.socket_folder != chosen


def test_a_noted_folder_is_used_again_only_while_it_is_ours_alone(place: Path) -> None:
    data = place / ("long" * 20)
    make_folders(data)
    mine = os.geteuid()
    first = socket_folder(data, mine)
    assert socket_folder(data, mine) == first
    first.chmod(0o755)
    second = socket_folder(data, mine)
    assert second != first
    second.rmdir()
    second.symlink_to(first)
    third = socket_folder(data, mine)
    assert third not in (first, second)
    second.unlink()
    first.rmdir()
    third.rmdir()


def test_a_folder_of_somebody_else_is_not_claimed(place: Path) -> None:
    link, target = place / "link", place / "target"
    target.mkdir()
    link.symlink_to(target)
    with pytest.raises(NotPrivate, match="a folder of our own"):
        claim_folder(link, os.geteuid())
    (place / "file").write_text("")
    with pytest.raises(NotPrivate, match="a folder of our own"):
        claim_folder(place / "file", os.geteuid())
    if os.geteuid() == 0:
        os.chown(target, PLAIN_USER, -1)
        with pytest.raises(NotPrivate, match="belongs to somebody else"):
            claim_folder(target, 0)


def test_a_private_file_follows_no_link_and_closes_one_that_was_open(place: Path) -> None:
    (place / "target").write_text("kept")
    (place / "link").symlink_to(place / "target")
    with pytest.raises(OSError, match="symbolic links"):
        opened_privately(place / "link")
    (place / "old").write_text("open")
    (place / "old").chmod(0o644)
    with opened_privately(place / "old") as file:
        file.write(b"closed")
    assert ((place / "target").read_text(), (place / "old").read_text(), mode(place / "old")) == (
        "kept", "closed", 0o600,
    )  # fmt: skip


def test_folders_that_are_made_are_passed_by_the_server_and_read_by_nobody(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SUANBU_SEAL_KEY", raising=False)
    ensure_seal(place / "a" / "b")
    assert {mode(place / "a"), mode(place / "a" / "b")} == {0o700 if os.geteuid() else 0o711}
    assert mode(place / "a" / "b" / KEY_FILE) == 0o600
    with embedded(place / "a" / "b"):
        pass
