"""Who gives a command: a person who has logged in to the command line, a key, or whoever the operating system says.

The session lies in a file under the data directory that its owner alone reads, one for each of the system's users; no
environment variable names anybody. As long as no administrator has ever logged in, the command line decides under the
system's name of its user: that is how the first keys and people are made.
"""

from __future__ import annotations

import os
import pwd
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import typer

from meter.private_files import make_folders

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from api.auth.people import Person
    from meter.database.scope import Scope

ADMINISTRATOR: Final = "admin"
SESSIONS: Final = "sessions"
UNSET: Final = 2**32 - 1  # of a login uid


class Asked(NamedTuple):
    """What a command asks of who gives it: a scope or `ADMINISTRATOR`, and the file with a key, where one was named."""

    needed: str
    key_file: Path | None = None


async def hand_of(engine: AsyncEngine, data: Path, asked: Asked | None, now: datetime) -> Scope:
    """Return on whose behalf a command acts. Raises BadParameter where it is somebody else's, or nobody says whose."""
    from api.auth import store
    from api.auth.sessions import proof_of_session, whose
    from meter.database.scope import PROVINCE, Scope, acting

    if asked is not None and asked.key_file is not None:
        return await _of_key(engine, asked.key_file, asked.needed, now)
    token = kept_session(data)
    person = await whose(engine, token, now) if token else None
    if person is not None and token is not None:
        if asked is not None:
            _may(person, asked.needed, now)
        return Scope("*", person.actor, proof=proof_of_session(token))
    if asked is not None:
        with acting(PROVINCE):
            async with engine.connect() as connection:
                administered = await store.is_administered(connection)
        if administered:
            ended = "your session has ended: log in again" if token else "log in first"
            raise typer.BadParameter(f"{ended} (suanbu login), this is on record under the name of who does it")
    return Scope("*", f"command line:{user_name()}")


def _may(person: Person, needed: str, now: datetime) -> None:
    from api.auth.people import PROOF_MINUTES

    if needed == ADMINISTRATOR:
        if person.role != ADMINISTRATOR:
            raise typer.BadParameter(f"{person.name} is {person.role}: keys and people are an administrator's")
        if not person.may_decide(now):
            raise typer.BadParameter(
                f"password and code were shown more than {PROOF_MINUTES} minutes ago: log in again (suanbu login)"
            )
    elif needed not in person.scopes or person.city is not None:
        raise typer.BadParameter(f"{person.name} is {person.role}: this needs the scope {needed}, for the province")


async def _of_key(engine: AsyncEngine, path: Path, needed: str, now: datetime) -> Scope:
    from api.auth import store
    from api.auth.keys import proof_of_key
    from meter.database.scope import NOBODY, Scope, acting

    mark, _, rest = read_privately(path, handed_over=True).partition("_")
    prefix, _, secret = rest.partition("_")
    with acting(NOBODY):
        async with engine.connect() as connection:
            row = await store.live_key(connection, prefix)
    proof = proof_of_key(row, prefix, secret, now) if mark == "suanbu" and row is not None else None
    if row is None or proof is None:
        raise typer.BadParameter(f"{path} holds no live key that carries its secret")
    if needed not in row["scopes"] or row["city"] is not None:
        raise typer.BadParameter(f"this needs a key with the scope {needed}, for the whole province")
    return Scope("*", f"key:{row['name']}", proof=proof)


def session_file(data: Path) -> Path:
    """Where the session of this user of the system is kept: of who logged in, also where he became another since."""
    logged_in = _login_uid()
    name = str(os.getuid()) if logged_in in (None, os.getuid()) else f"{logged_in}-{os.getuid()}"
    return data / SESSIONS / name


def keep_session(data: Path, token: str) -> None:
    """Keep a session's token where this user of the system alone reads it."""
    path = session_file(data)
    make_folders(path.parent, 0o700)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(token + "\n")
    fresh.replace(path)


def kept_session(data: Path) -> str | None:
    """Return the token of the session that is kept, or None. Raises BadParameter where others can read or put it."""
    path = session_file(data)
    return read_privately(path) if path.is_symlink() or path.exists() else None


def is_private(found: os.stat_result, us: int, *, handed_over: bool = False) -> bool:
    """Return whether a file is ours alone, or root's, who hands it over: a credential of systemd, say."""
    import stat

    ours = found.st_uid == us and not found.st_mode & 0o077
    from_root = handed_over and found.st_uid == 0 != us and not found.st_mode & 0o037
    return stat.S_ISREG(found.st_mode) and (ours or from_root)


def read_privately(path: Path, *, handed_over: bool = False) -> str:
    """Return the text of a file that is its owner's alone. Raises BadParameter where it is not, or where there is none.

    `handed_over`: it may be root's, and readable for us.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)) as file:
            if not is_private(os.fstat(file.fileno()), os.geteuid(), handed_over=handed_over):
                raise typer.BadParameter(f"{path} is read by others than you: it should be a file of mode 0600")
            return file.read(1024).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{path} cannot be read: {error}") from None


def user_name() -> str:
    """Whose process this is, as the operating system says: what LOGNAME says anybody can set.

    Where the system keeps who logged in (and sudo or su came after), that name is said too.
    """
    us, logged_in = os.getuid(), _login_uid()
    if logged_in is None or logged_in == us:
        return _name_of(us)
    return f"{_name_of(logged_in)} as {_name_of(us)}"


def _login_uid(place: Path = Path("/proc/self/loginuid")) -> int | None:
    """Who logged in to the session that this process belongs to; None where nobody did or the system does not say."""
    try:
        found = int(place.read_text())
    except (OSError, ValueError):
        return None
    return None if found == UNSET else found


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
