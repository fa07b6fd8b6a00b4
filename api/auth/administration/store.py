"""The SQL of people and keys that an administrator keeps in the console, and of one's own second factor."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


async def add_person(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    """Insert a person; `values` by the columns of `person`. Raises IntegrityError for a name in use."""
    await _call(
        connection,
        "administrator_person(:name, :role, :city, :uscc, :password_hash, :totp_secret, :created_at)",
        **values,
    )


async def note(connection: AsyncConnection, name: str, event: str, now: datetime) -> None:
    """Record that somebody is shut out, let in again or unlocked."""
    await _call(connection, "administrator_notes(:name, :event, :now)", name=name, event=event, now=now)


async def give(connection: AsyncConnection, name: str, what: str, kept: str, now: datetime) -> bool:
    """Give somebody another `password` or `second_factor`, which ends his sessions; False where there is nobody."""
    return bool(
        await _call(connection, "administrator_gives(:name, :what, :kept, :now)", name=name, what=what, kept=kept,
                    now=now)
    )  # fmt: skip


async def add_key(
    connection: AsyncConnection, prefix: str, digest: bytes, new: Mapping[str, Any], now: datetime
) -> None:
    """Insert a key of a holder who has fewer than two live ones."""
    await _call(
        connection,
        "administrator_key(:prefix, :digest, :name, :scopes, :source, :city, :expires_at, :signed, :now)",
        prefix=prefix, digest=digest, now=now, **new,
    )  # fmt: skip


async def revoke_key(connection: AsyncConnection, prefix: str, now: datetime) -> bool:
    """Revoke a key; False when there is none with this prefix."""
    return bool(await _call(connection, "administrator_revokes(:prefix, :now)", prefix=prefix, now=now))


async def change_second_factor(connection: AsyncConnection, token_digest: bytes, kept: str, now: datetime) -> None:
    """Change the second factor of whose session it is, record it, and end all of the person's sessions."""
    await _call(connection, "session_second_factor(:token, :kept, :now)", token=token_digest, kept=kept, now=now)


async def _call(connection: AsyncConnection, function: str, **given: Any) -> Any:
    return (await connection.execute(text(f"select {function}"), given)).scalar()
