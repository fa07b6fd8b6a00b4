"""Files and folders that nobody but their owner reads, made so from the first byte on."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path
from typing import BinaryIO, Final

PRIVATE_MASK: Final = 0o077
SOCKET_PATH_BYTES: Final = 107  # what a Unix socket's address has room for, its closing zero aside
LONGEST_SOCKET_NAME: Final = ".s.PGSQL.65535"


class NotPrivate(RuntimeError):
    """A folder that should be ours alone is a link, or somebody else's; the message says which."""


def write_nothing_for_others() -> None:
    """Keep whatever this process writes from here on for its owner alone."""
    os.umask(PRIVATE_MASK)


def folder_mode() -> int:
    """Return the mode of a folder that is closed to others.

    As root, PostgreSQL's plain user has to pass through it, who reads nothing that is not its own.
    """
    return 0o700 if os.geteuid() else 0o711


def opened_privately(path: Path, flags: int = os.O_TRUNC) -> BinaryIO:
    """Open a file for writing that its owner alone may read, also one that was there before. Follows no link."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | flags, 0o600)
    os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "ab" if flags & os.O_APPEND else "wb")


def write_privately(path: Path, text: str) -> None:
    """Write a text that its owner alone may read."""
    with opened_privately(path) as file:
        file.write(text.encode())


def make_folders(folder: Path, mode: int | None = None) -> None:
    """Make a folder and what is missing above it, each closed to others; what is there already stays as it is."""
    mode = folder_mode() if mode is None else mode
    for missing in reversed([place for place in (folder, *folder.parents) if not place.exists()]):
        with contextlib.suppress(FileExistsError):
            missing.mkdir(mode=0o700)
            missing.chmod(mode)


def close_folder(folder: Path, mode: int) -> None:
    """Give a folder its mode, where it is ours alone to decide about."""
    found = folder.lstat()
    shared = found.st_mode & stat.S_ISVTX or found.st_uid != os.geteuid()
    if stat.S_ISDIR(found.st_mode) and not shared and stat.S_IMODE(found.st_mode) != mode:
        folder.chmod(mode)


def claim_folder(folder: Path, owner: int) -> None:
    """Make a folder that is its owner's alone, or find it so; hand it to `owner`. Raises NotPrivate for any other."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise NotPrivate(f"{folder} should be a folder of our own ({error.strerror})") from None
    try:
        found = os.fstat(descriptor)
        if found.st_uid not in (os.geteuid(), owner):
            raise NotPrivate(f"{folder} belongs to somebody else")
        if found.st_uid != owner:
            os.fchown(descriptor, owner, -1)
        if stat.S_IMODE(found.st_mode) != 0o700:
            os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)


def is_private(folder: Path, owner: int) -> bool:
    """Return whether a folder is one (no link to one), of this owner and closed to everybody else."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == owner and stat.S_IMODE(found.st_mode) == 0o700


def socket_folder(data: Path, owner: int) -> Path:
    """Return the folder of the database's socket: under `data`, else, where that path is too long, one of an
    unguessable name.

    Which one that is stands in a file under `data`; it is used again for as long as it is still ours alone.
    """
    near = data / "postgres.sockets"
    if len(os.fsencode(near / LONGEST_SOCKET_NAME)) <= SOCKET_PATH_BYTES:
        claim_folder(near, owner)
        return near
    noted = data / "postgres.sockets.path"
    with contextlib.suppress(FileNotFoundError):
        known = Path(noted.read_text().strip())
        if is_private(known, owner):
            return known
    made = Path(tempfile.mkdtemp(prefix="suanbu-"))  # 0700, and its name cannot be taken before us
    claim_folder(made, owner)
    write_privately(noted, f"{made}\n")
    return made
