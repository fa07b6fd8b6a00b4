"""What an administrator asks and does in the console: people, keys, and the secrets that are shown once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import asyncpg
from fastapi import Request
from sqlalchemy.exc import IntegrityError

from api.auth import keys, sessions
from api.auth.administration import people
from api.auth.administration.people import Secrets
from api.auth.people import list_people
from api.clock import now
from api.http.problem import Problem
from api.request_context import service_of
from api.service import Service
from meter.database.errors import reaching_database, refusal_of

Record = dict[str, Any]


class Administration:
    """People and keys; who asks is checked by the page, and once more by the database."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def all_people(self) -> list[Record]:
        """Return all people, by name."""
        async with reaching_database():
            return [dict(one) for one in await list_people(self._service.engine)]

    async def make_person(self, wanted: Mapping[str, str]) -> Secrets:
        """Make a person; what is shown once. Raises ValueError or Problem."""
        async with reaching_database():
            with _refused():
                return await people.make_person(self._service.engine, wanted, self._service.hashing, now())

    async def give(self, name: str, what: str) -> Secrets | None:
        """Give somebody another `password` or `second_factor`; what is shown once. Raises Problem."""
        async with reaching_database():
            with _refused():
                if what == "password":
                    return await people.give_password(self._service.engine, name, self._service.hashing, now())
                return await people.give_second_factor(self._service.engine, name, now())

    async def note(self, name: str, event: str) -> None:
        """Shut somebody out, let him in again or unlock his name. Raises Problem."""
        async with reaching_database():
            with _refused():
                await people.note(self._service.engine, name, event, now())

    async def all_keys(self) -> list[Record]:
        """Return all keys without their secrets, the newest first."""
        async with reaching_database():
            return [dict(one) for one in reversed(await keys.list_keys(self._service.engine))]

    async def make_key(self, new: keys.NewKey) -> str:
        """Make a key; it is shown once. Raises ValueError or Problem."""
        async with reaching_database():
            with _refused():
                return await keys.create_key_as_administrator(self._service.engine, new, now())

    async def revoke_key(self, prefix: str) -> bool:
        """Revoke a key; False where there is none. Raises Problem."""
        async with reaching_database():
            with _refused():
                return await keys.revoke_key_as_administrator(self._service.engine, prefix, now())

    async def change_second_factor(self, token: str, kept: str, code: str) -> bool:
        """Change one's own second factor, if the code is of the new one."""
        async with reaching_database():
            with _refused():
                return await sessions.change_second_factor(self._service.engine, token, kept, code, now())


@contextmanager
def _refused() -> Iterator[None]:
    """Say what the database refuses as a Problem."""
    try:
        yield
    except IntegrityError as error:
        cause = error.orig.__cause__ if error.orig is not None else None
        if not isinstance(cause, asyncpg.CheckViolationError):
            raise
        code, detail = refusal_of(cause)
        raise Problem(409, code, detail) from None


def administration_of(request: Request) -> Administration:
    """Give the administration of this worker's service (tests put others in their place)."""
    return Administration(service_of(request))
