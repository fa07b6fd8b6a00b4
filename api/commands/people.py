"""`suanbu user`: people who log in to the console."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

from api.auth.roles import ROLES
from api.commands.common import DEFAULT_DATA, Data, Json, with_database
from api.commands.hand import ADMINISTRATOR, Asked

APP = typer.Typer(no_args_is_help=True, help="people who log in to the console")


@APP.command("create")
def create(
    name: Annotated[str, typer.Option(help="login name")],
    role: Annotated[str, typer.Option(help=f"one of {', '.join(ROLES)}")],
    city: Annotated[str | None, typer.Option(help="six-digit code of the city the person works for")] = None,
    uscc: Annotated[
        str | None, typer.Option(help="unified social credit code of the entity for which the role entity acts")
    ] = None,
    second_factor: Annotated[
        bool, typer.Option("--second-factor", help="a TOTP secret also for a role that need not have one")
    ] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Create a person and print a password, shown this once (or take it from SUANBU_PASSWORD).

    Whoever moves or decides (finance, reviewer, approver, payer, admin), who acts for an entity, the roles that
    SUANBU_SECOND_FACTOR adds, and whoever --second-factor is given for, also shows a code at every login: a second
    line has the otpauth URI to scan.
    """
    from api.auth.passwords import new_password
    from api.auth.people import create_person
    from api.auth.second_factor import new_second_factor
    from api.clock import now
    from api.settings import roles_with_second_factor

    given = os.environ.get("SUANBU_PASSWORD")
    password = given or new_password(name)
    try:
        totp, uri = new_second_factor(name) if second_factor or role in roles_with_second_factor() else (None, "")
        with_database(
            data,
            lambda engine: create_person(
                engine, name=name, role=role, city=city, password=password, now=now(), totp_secret=totp, uscc=uscc
            ),
            Asked(ADMINISTRATOR),
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    print(f"created {name}" if given else password)
    if uri:
        print(uri)


@APP.command("password")
def password_(name: Annotated[str, typer.Argument(help="login name")], data: Data = DEFAULT_DATA) -> None:
    """Give somebody another password, printed this once (or taken from SUANBU_PASSWORD); open sessions end."""
    from api.auth.passwords import new_password
    from api.auth.people import give_password
    from api.clock import now

    given = os.environ.get("SUANBU_PASSWORD")
    password = given or new_password(name)
    try:
        found = with_database(data, lambda engine: give_password(engine, name, password, now()), Asked(ADMINISTRATOR))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    _must_be(found, name)
    print(f"changed the password of {name}" if given else password)


@APP.command("second-factor")
def second_factor_(name: Annotated[str, typer.Argument(help="login name")], data: Data = DEFAULT_DATA) -> None:
    """Give somebody a second factor, or another one, and print the otpauth URI to scan; open sessions end."""
    from api.auth.people import give_second_factor
    from api.clock import now

    uri = with_database(data, lambda engine: give_second_factor(engine, name, now()), Asked(ADMINISTRATOR))
    _must_be(uri is not None, name)
    print(uri)


@APP.command("list")
def show(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """List the people, without their passwords."""
    from api.auth.people import list_people
    from api.settings import roles_with_second_factor

    needed = roles_with_second_factor()
    for one in with_database(data, list_people):
        if as_json:
            print(json.dumps(one, default=str, ensure_ascii=False))
        else:
            state = "disabled" if one["disabled"] else "live"
            factor = "password and code" if one["second_factor"] else "password only"
            if one["role"] in needed and not one["second_factor"]:
                factor = f"no login before `suanbu user second-factor {one['name']}`"
            of = f"uscc={one['uscc']}" if one["uscc"] else f"city={one['city'] or '-'}"
            print(f"{one['name']}  {one['role']}  {state}  {factor}  {of}")


@APP.command("disable")
def disable(name: Annotated[str, typer.Argument(help="login name")], data: Data = DEFAULT_DATA) -> None:
    """Shut somebody out, at once: sessions that are open end with it."""
    _shut_out(data, name, out=True)


@APP.command("enable")
def enable(name: Annotated[str, typer.Argument(help="login name")], data: Data = DEFAULT_DATA) -> None:
    """Let somebody in again who was shut out."""
    _shut_out(data, name, out=False)


def _shut_out(data: Data, name: str, *, out: bool) -> None:
    from api.auth.people import shut_out
    from api.clock import now

    found = with_database(data, lambda engine: shut_out(engine, name, now(), out=out), Asked(ADMINISTRATOR))
    _must_be(found, name)
    print(f"{'disabled' if out else 'enabled'} {name}")


@APP.command("unlock")
def unlock_(
    name: Annotated[str, typer.Argument(help="login name")],
    data: Data = DEFAULT_DATA,
) -> None:
    """Let somebody who was locked out try again at once."""
    from api.auth.people import unlock
    from api.clock import now

    with_database(data, lambda engine: unlock(engine, name, now()), Asked(ADMINISTRATOR))
    print(f"unlocked {name}")


def _must_be(found: bool, name: str) -> None:
    if not found:
        raise typer.BadParameter(f"there is no person called {name!r}")
