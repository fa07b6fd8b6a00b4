"""`suanbu user`: people who log in to the console."""

from __future__ import annotations

import os
import secrets
from typing import Annotated

import typer

from api.commands.common import DEFAULT_DATA, Data, with_database
from api.people import ROLES, create_person
from api.service import now

APP = typer.Typer(no_args_is_help=True, help="people who log in to the console")


@APP.command("create")
def create(
    name: Annotated[str, typer.Option(help="login name")],
    role: Annotated[str, typer.Option(help=f"one of {', '.join(ROLES)}")],
    city: Annotated[str | None, typer.Option(help="six-digit code of the city the person works for")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Create a person and print a password, shown this once (or take it from SUANBU_PASSWORD)."""
    given = os.environ.get("SUANBU_PASSWORD")
    password = given or secrets.token_urlsafe(12)
    try:
        with_database(
            data,
            lambda engine: create_person(engine, name=name, role=role, city=city, password=password, now=now()),
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    print(f"created {name}" if given else password)
