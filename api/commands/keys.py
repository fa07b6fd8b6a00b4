"""`suanbu key`: making, listing and revoking API keys."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Annotated

import typer

from api.auth.roles import SCOPES
from api.commands.common import DEFAULT_DATA, Data, Json, with_database
from api.commands.hand import ADMINISTRATOR, Asked

LIVE_MAX = 2  # the old key and the one that replaces it
APP = typer.Typer(no_args_is_help=True, help="API keys for machines")


@APP.command("create")
def create(
    name: Annotated[str, typer.Option(help="who holds the key")],
    scope: Annotated[str, typer.Option(help=f"comma-separated, of: {', '.join(SCOPES)}")],
    source: Annotated[str | None, typer.Option(help="the source that usage records sent with it belong to")] = None,
    city: Annotated[str | None, typer.Option(help="six-digit code of the city it is limited to")] = None,
    expires: Annotated[int | None, typer.Option(min=1, help="days until it expires")] = None,
    signed: Annotated[bool, typer.Option("--signed", help="every request with it must be signed")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Print a new API key. It is shown this once: only its digest is stored."""
    from api.auth.keys import NewKey, create_key
    from api.clock import now

    scopes = [part.strip() for part in scope.split(",") if part.strip()]
    expires_at = now() + timedelta(days=expires) if expires else None
    try:
        key = with_database(
            data,
            lambda engine: create_key(
                engine,
                NewKey(name, scopes, source=source, city=city, expires_at=expires_at, signed=signed),
                now=now(),
                live_max=LIVE_MAX,
            ),
            Asked(ADMINISTRATOR),
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    print(key)


@APP.command("list")
def show(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """List the keys, without their secrets."""
    from api.auth.keys import list_keys

    for key in with_database(data, list_keys):
        if as_json:
            print(json.dumps(key, default=str, ensure_ascii=False))
        else:
            state = "revoked" if key["revoked_at"] else "expired" if _expired(key["expires_at"]) else "live"
            scopes = key["scopes"]
            assert isinstance(scopes, list)
            print(f"{key['prefix']}  {state:8}  {key['name']}  {','.join(scopes)}  source={key['source'] or '-'}")


@APP.command("revoke")
def revoke(prefix: Annotated[str, typer.Argument(help="the key's prefix")], data: Data = DEFAULT_DATA) -> None:
    """Revoke a key for ever; running services refuse it within a second."""
    from api.auth.keys import revoke_key
    from api.clock import now

    if not with_database(data, lambda engine: revoke_key(engine, prefix, now()), Asked(ADMINISTRATOR)):
        raise typer.BadParameter(f"there is no key {prefix}")
    print(f"revoked {prefix}")


def _expired(moment: object) -> bool:
    from api.clock import now

    return moment is not None and moment <= now()  # type: ignore[operator]
