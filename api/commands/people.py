"""`suanbu user`: people who log in to the console."""

from __future__ import annotations

import json
import os
import secrets
import sys
from typing import Annotated

import typer

from api.auth.people import ROLES, create_person, list_people, shut_out, unlock
from api.auth.second_factor import new_second_factor
from api.clock import now
from api.commands.common import DEFAULT_DATA, Data, Json, with_database

DECIDING = ("approver",)
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
    elif role in DECIDING:
        print("without --second-factor this person can neither approve nor lock in the console", file=sys.stderr)


@APP.command("list")
def show(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """List the people, without their passwords."""
    for one in with_database(data, list_people):
        if as_json:
            print(json.dumps(one, default=str, ensure_ascii=False))
        else:
            state = "disabled" if one["disabled"] else "live"
            factor = "password and code" if one["second_factor"] else "password only"
            print(f"{one['name']}  {one['role']}  {state}  {factor}  city={one['city'] or '-'}")


@APP.command("disable")
def disable(name: Annotated[str, typer.Argument(help="login name")], data: Data = DEFAULT_DATA) -> None:
    """Shut somebody out, at once: sessions that are open end with it."""
    _shut_out(data, name, out=True)


@APP.command("enable")
def enable(name: Annotated[str, typer.Argument(help="login name")], data: Data = DEFAULT_DATA) -> None:
    """Let somebody in again who was shut out."""
    _shut_out(data, name, out=False)


def _shut_out(data: Data, name: str, *, out: bool) -> None:
    if not with_database(data, lambda engine: shut_out(engine, name, now(), out=out)):
        raise typer.BadParameter(f"there is no person called {name!r}")
    print(f"{'disabled' if out else 'enabled'} {name}")


@APP.command("unlock")
def unlock_(
    name: Annotated[str, typer.Argument(help="login name")],
    data: Data = DEFAULT_DATA,
) -> None:
    """Let somebody who was locked out try again at once."""
    with_database(data, lambda engine: unlock(engine, name, now()))
    print(f"unlocked {name}")
