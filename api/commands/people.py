"""`suanbu user`: people who log in to the console."""

from __future__ import annotations

import os
import secrets
from typing import Annotated

import typer

from api.commands.common import DEFAULT_DATA, Data, with_database
from api.people import ROLES, create_person, new_second_factor, unlock
from api.service import now

APP = typer.Typer(no_args_is_help=True, help="people who log in to the console")


@APP.command("create")
def create(
    name: Annotated[str, typer.Option(help="login name")],
    role: Annotated[str, typer.Option(help=f"one of {', '.join(ROLES)}")],
    city: Annotated[str | None, typer.Option(help="six-digit code of the city the person works for")] = None,
    second_factor: Annotated[
        bool, typer.Option("--second-factor", help="also a TOTP secret, printed on a second line")
    ] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Create a person and print a password, shown this once (or take it from SUANBU_PASSWORD).

    With --second-factor every login asks for a code as well, and a second line has the otpauth URI to scan.
    """
    given = os.environ.get("SUANBU_PASSWORD")
    password = given or secrets.token_urlsafe(12)
    totp, uri = new_second_factor(name) if second_factor else (None, "")
    try:
        with_database(
            data,
            lambda engine: create_person(
                engine, name=name, role=role, city=city, password=password, now=now(), totp_secret=totp
            ),
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    print(f"created {name}" if given else password)
    if uri:
        print(uri)


@APP.command("unlock")
def unlock_(
    name: Annotated[str, typer.Argument(help="login name")],
    data: Data = DEFAULT_DATA,
) -> None:
    """Let somebody who was locked out try again at once."""
    with_database(data, lambda engine: unlock(engine, name, now()))
    print(f"unlocked {name}")
