"""`suanbu login` and `suanbu logout`: whose name the commands that follow are on record under."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.common import DEFAULT_DATA, Data, with_database
from api.commands.hand import keep_session, kept_session, session_file, user_name

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


def login(
    name: Annotated[str | None, typer.Option(help="login name; asked for without it")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Log in to the command line with password and code, which are asked for; what it decides is on record as yours."""
    from api.auth.sessions import IDLE_MINUTES, SESSION_HOURS, log_in
    from api.clock import now
    from api.settings import roles_with_second_factor

    called = name or _asked("name: ", hidden=False)
    password, code = _asked("password: ", hidden=True), _asked("code: ", hidden=True)

    async def work(engine: AsyncEngine) -> str | None:
        return await log_in(
            engine, called, password, now(), code or None,
            client=f"command line of {user_name()}", needed=roles_with_second_factor(),
        )  # fmt: skip

    token = with_database(data, work)
    if token is None:
        raise typer.BadParameter("name, password or code is wrong, or it is not to be tried now")
    keep_session(data, token)
    print(f"logged in as {called}, for {SESSION_HOURS} hours at most and {IDLE_MINUTES} minutes without a command")


def logout(data: Data = DEFAULT_DATA) -> None:
    """End the session of the command line."""
    from api.auth.sessions import log_out
    from api.clock import now

    token = kept_session(data)
    if token is None:
        print("nobody is logged in")
        return
    with_database(data, lambda engine: log_out(engine, token, now()))
    session_file(data).unlink(missing_ok=True)
    print("logged out")


def _asked(what: str, *, hidden: bool) -> str:
    """An answer typed at the terminal; from a pipe, its next line."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return getpass.getpass(what) if hidden else input(what)
