"""The SQL of keys, nonces, people and their sessions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, delete, exists, false, func, insert, or_, select, text
from sqlalchemy.dialects.postgresql import insert as insert_or_not
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth.tables import api_key, api_key_revocation, login, logout, person, person_event, request_nonce
from meter.database.locks import AdvisoryLock
from meter.journal.tables import source as source_table

SESSION_HOURS: Final = 8
# what the service may read: of a key no secret, of a person no hash
KEY_COLUMNS: Final = (
    api_key.c.id, api_key.c.prefix, api_key.c.check_digest, api_key.c.name, api_key.c.scopes, api_key.c.source,
    api_key.c.city, api_key.c.expires_at, api_key.c.signed,
)  # fmt: skip
PERSON_COLUMNS: Final = (person.c.id, person.c.name, person.c.role, person.c.city, person.c.uscc, person.c.totp_secret)
NOT_COUNTED: Final = ("locked_out", "slowed_down")  # refusals that say nothing about the password


async def add_key(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    """Insert a key; `values` by the columns of `api_key`."""
    await connection.execute(insert(api_key).values(**values))


async def count_live_keys(connection: AsyncConnection, name: str, now: datetime) -> int:
    """Return how many live keys a holder has; nobody else counts or adds until the transaction ends."""
    await connection.execute(text(f"select pg_advisory_xact_lock({AdvisoryLock.COUNTING_KEYS})"))
    live = select(func.count()).where(
        api_key.c.name == name,
        or_(api_key.c.expires_at.is_(None), api_key.c.expires_at > now),
        ~exists().where(api_key_revocation.c.api_key == api_key.c.id),
    )
    return int((await connection.execute(live)).scalar_one())


async def source_number(connection: AsyncConnection, name: str) -> int:
    """Return the number of a source, made when it is new; one at a time, so that two keys of one source agree."""
    await connection.execute(text(f"select pg_advisory_xact_lock({AdvisoryLock.NUMBERING_SOURCES})"))
    found = (await connection.execute(select(source_table.c.id).where(source_table.c.name == name))).scalar()
    if found is not None:
        return int(found)
    number = int((await connection.execute(text("select coalesce(max(id), 0) + 1 from source"))).scalar_one())
    await connection.execute(insert(source_table).values(id=number, name=name))
    return number


async def all_keys(connection: AsyncConnection) -> list[dict[str, object]]:
    """Return all keys without their secrets, oldest first."""
    query = (
        select(
            api_key.c.prefix, api_key.c.name, api_key.c.scopes, source_table.c.name.label("source"), api_key.c.city,
            api_key.c.created_at, api_key.c.expires_at, api_key_revocation.c.revoked_at,
        )
        .outerjoin(source_table, source_table.c.id == api_key.c.source)
        .outerjoin(api_key_revocation, api_key_revocation.c.api_key == api_key.c.id)
        .order_by(api_key.c.id)
    )  # fmt: skip
    return [dict(row) for row in (await connection.execute(query)).mappings()]


async def revoke(connection: AsyncConnection, prefix: str, now: datetime) -> bool:
    """Revoke a key; False when there is none with this prefix."""
    found = (await connection.execute(select(api_key.c.id).where(api_key.c.prefix == prefix))).scalar()
    if found is None:
        return False
    already = await connection.execute(select(exists().where(api_key_revocation.c.api_key == found)))
    if not already.scalar():
        await connection.execute(insert(api_key_revocation).values(api_key=found, revoked_at=now))
    return True


async def live_key(connection: AsyncConnection, prefix: str) -> dict[str, Any] | None:
    """Return a key that is not revoked, with the name of its source as `source_name`."""
    query = (
        select(*KEY_COLUMNS, source_table.c.name.label("source_name"))
        .outerjoin(source_table, source_table.c.id == api_key.c.source)
        .where(api_key.c.prefix == prefix)
        .where(~exists().where(api_key_revocation.c.api_key == api_key.c.id))
    )
    return await _first(connection, query)


async def has_signed(connection: AsyncConnection, prefix: str, message: bytes, signature: bytes) -> bool:
    """Whether the key of this prefix, one that signs its requests, has signed this."""
    found = await _call(
        connection, "key_signed(:prefix, :message, :signature)", prefix=prefix, message=message, signature=signature
    )
    return bool(found)


async def is_administered(connection: AsyncConnection) -> bool:
    """Whether an administrator has ever logged in who still may."""
    return bool(await _call(connection, "suanbu_administered()"))


async def take_nonce(connection: AsyncConnection, key: int, nonce: str, now: datetime, kept: timedelta) -> bool:
    """Take a nonce of a key; False when it was taken before. Nonces older than `kept` are forgotten."""
    await connection.execute(delete(request_nonce).where(request_nonce.c.at < now - kept))
    taken = await connection.execute(
        insert_or_not(request_nonce)
        .values(api_key=key, nonce=nonce, at=now)
        .on_conflict_do_nothing()
        .returning(request_nonce.c.nonce)
    )
    return taken.first() is not None


async def add_person(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    """Insert a person; `values` by the columns of `person`. Raises IntegrityError for a name in use."""
    await connection.execute(insert(person).values(**values))


async def person_called(connection: AsyncConnection, name: str) -> dict[str, Any] | None:
    """Return a person by name, with `disabled`."""
    query = select(*PERSON_COLUMNS, _shut_out().label("disabled")).where(person.c.name == name)
    return await _first(connection, query)


async def salt_of(connection: AsyncConnection, name: str) -> str | None:
    """Return how a person's password is hashed (algorithm, costs and salt), or None where there is nobody."""
    found: str | None = await _call(connection, "person_salt(:name)", name=name)
    return found


async def shows(connection: AsyncConnection, name: str, shown: str) -> bool:
    """Whether this is the hash of a person's password."""
    return bool(await _call(connection, "person_shows(:name, :shown)", name=name, shown=shown))


async def person_of(connection: AsyncConnection, token_digest: bytes) -> dict[str, Any] | None:
    """Return the person whose session a token's digest opened, ended or not."""
    query = (
        select(*PERSON_COLUMNS)
        .join(login, login.c.person == person.c.id)
        .where(login.c.token_digest == func.sha256(token_digest))
    )
    return await _first(connection, query)


async def open_session(
    connection: AsyncConnection, token_digest: bytes, now: datetime, idle: timedelta
) -> dict[str, Any] | None:
    """Return the session of a token's digest with its person, unless it ended, expired or was idle for too long."""
    query = (
        select(
            person.c.name, person.c.role, person.c.city, person.c.uscc, login.c.proven_at, login.c.totp_step,
            login.c.seen_at,
        )
        .join(login, login.c.person == person.c.id)
        .where(login.c.token_digest == func.sha256(token_digest), login.c.expires_at > now)
        .where(login.c.seen_at > now - idle)
        .where(~exists().where(logout.c.token_digest == login.c.token_digest))
        .where(~_shut_out())
    )  # fmt: skip
    return await _first(connection, query)


async def add_session(
    connection: AsyncConnection,
    token_digest: bytes,
    name: str,
    shown: str,
    now: datetime,
    step: int | None,
    client: str,
) -> None:
    """Open a session of a person whose password has the hash `shown`, and whose code was right; record the login."""
    await _call(connection, "session_open(:token, :name, :shown, :now, :until, :step, :client)", token=token_digest,
                name=name, shown=shown, now=now, until=now + timedelta(hours=SESSION_HOURS), step=step,
                client=client)  # fmt: skip


async def mark_seen(connection: AsyncConnection, token_digest: bytes, now: datetime) -> None:
    """Note on a session when it was seen last."""
    await _call(connection, "session_seen(:token, :now)", token=token_digest, now=now)


async def mark_proven(
    connection: AsyncConnection, token_digest: bytes, shown: str, now: datetime, step: int | None
) -> None:
    """Note on a session when password (by its hash) and code were shown last, and record that they were."""
    await _call(connection, "session_proven(:token, :shown, :now, :step)", token=token_digest, shown=shown, now=now,
                step=step)  # fmt: skip


async def end_session(connection: AsyncConnection, token_digest: bytes, now: datetime) -> str | None:
    """End a session and record it; the name of its person, or None where there is none or it has ended before."""
    found = await _call(connection, "session_end(:token, :now)", token=token_digest, now=now)
    return None if found is None else str(found)


async def refuse_session(
    connection: AsyncConnection, name: str, event: str, reason: str, now: datetime, client: str
) -> None:
    """Record that a login or a second showing of password and code was refused, and why, and where it came from."""
    await _call(connection, "session_refused(:name, :event, :reason, :now, :client)", name=name, event=event,
                reason=reason, now=now, client=client)  # fmt: skip


async def change_password(connection: AsyncConnection, token_digest: bytes, password_hash: str, now: datetime) -> None:
    """Change the password of whose session it is, record it, and end all of the person's sessions."""
    await _call(connection, "session_password(:token, :hash, :now)", token=token_digest, hash=password_hash, now=now)


async def give_person(connection: AsyncConnection, name: str, what: str, kept: str, now: datetime) -> bool:
    """Give a person another `password` or `second_factor`, record it, and end all of the person's sessions.

    False where there is nobody of this name. Only the command line's role may, for an administrator.
    """
    given = await _call(connection, "person_given(:name, :what, :kept, :now)", name=name, what=what, kept=kept, now=now)
    return bool(given)


async def note_person(connection: AsyncConnection, name: str, event: str, now: datetime) -> None:
    """Record that the command line shut a person out, let him in or unlocked a name; only its role may."""
    await _call(connection, "person_noted(:name, :event, :now)", name=name, event=event, now=now)


async def all_people(connection: AsyncConnection) -> list[dict[str, object]]:
    """Return all people without their passwords, by name: who is disabled, has a second factor, came last when."""
    last = select(func.max(login.c.created_at)).where(login.c.person == person.c.id).scalar_subquery()
    query = select(
        person.c.name, person.c.role, person.c.city, person.c.uscc, person.c.created_at, last.label("last_login"),
        person.c.totp_secret.is_not(None).label("second_factor"), _shut_out().label("disabled"),
    ).order_by(person.c.name)  # fmt: skip
    return [dict(row) for row in (await connection.execute(query)).mappings()]


async def one_at_a_time(connection: AsyncConnection, name: str) -> None:
    """Let guesses at one name follow one another, over all workers: none slips in before the last one is counted."""
    lock = f"select pg_advisory_xact_lock({AdvisoryLock.LOGGING_IN}, hashtext(:name))"
    await connection.execute(text(lock), {"name": name})


async def last_step(connection: AsyncConnection, number: int) -> int | None:
    """Return the time step of the last code that a person used."""
    query = select(func.max(login.c.totp_step)).where(login.c.person == number)
    found: int | None = (await connection.execute(query)).scalar()
    return found


async def failures_of(
    connection: AsyncConnection, name: str, event: str, since: datetime, client: str | None = None
) -> tuple[int, datetime | None]:
    """Return how often an event failed for a name since an instant, and when last.

    Of one client: since it last succeeded there or the name was unlocked. Of all (None): since the name was unlocked.
    """
    mine = person_event.c.detail["client"].astext == client
    done = and_(person_event.c.event == event, mine) if client is not None else false()
    cleared = select(func.coalesce(func.max(person_event.c.id), 0)).where(
        person_event.c.name == name, person_event.c.result == "done", or_(person_event.c.event == "unlock", done)
    )
    counted = select(func.count(), func.max(person_event.c.at)).where(
        person_event.c.name == name,
        person_event.c.event == event,
        person_event.c.result == "refused",
        person_event.c.detail["reason"].astext.not_in(NOT_COUNTED),  # or an attacker could keep somebody out for ever
        person_event.c.at > since,
        person_event.c.id > cleared.scalar_subquery(),
    )
    row = (await connection.execute(counted if client is None else counted.where(mine))).one()
    return int(row[0]), row[1]


async def was_here(connection: AsyncConnection, name: str, client: str, since: datetime) -> bool:
    """Return whether a name has logged in from this client since an instant."""
    found = exists().where(
        person_event.c.name == name, person_event.c.event == "login", person_event.c.result == "done",
        person_event.c.detail["client"].astext == client, person_event.c.at > since,
    )  # fmt: skip
    return bool((await connection.execute(select(found))).scalar())


def _shut_out() -> Any:
    """Return whether the last word about a person was to shut him out."""
    last = (
        select(person_event.c.event)
        .where(person_event.c.name == person.c.name, person_event.c.event.in_(("disable", "enable")))
        .order_by(person_event.c.id.desc())
        .limit(1)
    )
    return func.coalesce(last.scalar_subquery(), "enable") == "disable"


async def _first(connection: AsyncConnection, query: Any) -> dict[str, Any] | None:
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else {str(name): value for name, value in row.items()}


async def _call(connection: AsyncConnection, function: str, **given: Any) -> Any:
    """Return what a function of the database answers, which checks what it is given and whose it is."""
    return (await connection.execute(text(f"select {function}"), given)).scalar()
