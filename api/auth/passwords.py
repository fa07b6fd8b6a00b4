"""Passwords: which are taken, and argon2id hashes, made and checked outside every transaction and few at a time."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import os
import re
import secrets
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path

from argon2 import PasswordHasher
from argon2.low_level import Type, hash_secret

from api.http import metrics
from api.http.problem import Problem

PASSWORD_CHARACTERS = (10, 256)
COMMON = Path(__file__).with_name("common_passwords.txt")
SHORT_NAME_CHARACTERS = 2  # of plain letters: what is not looked for in passwords
HASHES_AT_ONCE, HASHES_WAITING = 2, 8
COME_BACK_SECONDS = 3
NICENESS = 10  # of the threads that hash
_HOLDS: ContextVar[bool] = ContextVar("holds", default=False)
_BEGINNING = re.compile(
    r"\$argon2id\$v=(?P<version>\d+)\$m=(?P<memory>\d+),t=(?P<time>\d+),p=(?P<lanes>\d+)\$(?P<salt>[A-Za-z0-9+/]+)\$"
)
_HASHER = PasswordHasher(parallelism=1)  # argon2id, RFC 9106 with low memory: one hash takes one core


def unfit(password: str, name: str) -> str:
    """Say what is wrong with a password for a person: a word of ours, or "" when it is taken."""
    shortest, longest = PASSWORD_CHARACTERS
    if not shortest <= len(password) <= longest:
        return "length"
    plain, called = password.casefold(), name.casefold()
    if called in plain and not (called.isascii() and len(called) <= SHORT_NAME_CHARACTERS):
        return "name"
    stem = plain.rstrip("0123456789")
    return "common" if not stem or plain in _common() or stem in _common() else ""


def why_unfit(word: str) -> str:
    """Say in English what a word of `unfit` means."""
    return {
        "length": "a password has {} to {} characters".format(*PASSWORD_CHARACTERS),
        "name": "a password does not contain the login name",
        "common": "this password is one of the most common ones, digits at its end aside",
    }[word]


def new_password(name: str) -> str:
    """Return a random password that fits the person."""
    while unfit(made := secrets.token_urlsafe(12), name):
        pass
    return made


class Hashing:
    """Checking passwords in one process: two at once and a few that wait, so that guessing leaves others alone.

    Who holds a place may ask the database beside it: who is turned away costs nothing but the answer.
    """

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(HASHES_AT_ONCE)
        self._inside = 0

    async def hashed(self, password: str) -> str:
        """Return the hash that is stored of a password. Raises Problem 429 when too many wait."""
        async with self.place():
            return await _in_its_thread(_HASHER.hash, password)

    async def shown(self, salt: str | None, password: str) -> str:
        """Return the hash of a password under somebody's salt and costs: what only who knows it can show.

        None is the salt of nobody, which takes as long. Raises Problem 429 when too many wait.
        """
        async with self.place():
            return await _in_its_thread(_hash_under, salt or _salt_of_nobody(), password)  # it is meant to take long

    @contextlib.asynccontextmanager
    async def place(self, *, logged_in: bool = False) -> AsyncIterator[None]:
        """Hold one of the places; a task that holds one needs no other. Raises Problem 429 when too many wait.

        Who is logged in waits however many guess: a session has few failures, and none of them is a stranger's.
        """
        if _HOLDS.get():
            yield
            return
        if not logged_in and self._inside >= HASHES_AT_ONCE + HASHES_WAITING:
            metrics.OVERLOADED.inc()
            detail = "too many passwords are being checked; come back after Retry-After"
            raise Problem(429, "too_many_logins", detail, {"Retry-After": str(COME_BACK_SECONDS)})
        self._inside += 1
        token = _HOLDS.set(True)
        try:
            async with self._places:
                yield
        finally:
            _HOLDS.reset(token)
            self._inside -= 1


async def _in_its_thread(work: Callable[..., str], *given: str) -> str:
    return await asyncio.get_running_loop().run_in_executor(_threads(), work, *given)


@functools.cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(HASHES_AT_ONCE, thread_name_prefix="hashing", initializer=_step_back)


def _step_back() -> None:
    """Let every other thread go before this one: on few processors, guessing would be felt by everybody."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _hash_under(salt: str, password: str) -> str:
    """The hash of a password under `$argon2id$v=19$m=…,t=…,p=…$SALT$`; "" where that is no such beginning."""
    found = _BEGINNING.fullmatch(salt)
    if found is None:
        return ""
    version, memory, time, lanes = (int(found[name]) for name in ("version", "memory", "time", "lanes"))
    plain = base64.b64decode(found["salt"] + "=" * (-len(found["salt"]) % 4))
    given = password[: PASSWORD_CHARACTERS[1]].encode()
    return hash_secret(given, plain, time, memory, lanes, _HASHER.hash_len, Type.ID, version).decode()


@functools.cache
def _common() -> frozenset[str]:
    """Return the most common passwords, in small letters."""
    lines = COMMON.read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


@functools.cache
def _salt_of_nobody() -> str:
    """A salt with the costs of everybody's: to hash under for names that nobody has."""
    salt = base64.b64encode(secrets.token_bytes(_HASHER.salt_len)).decode().rstrip("=")
    return f"$argon2id$v=19$m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}${salt}$"
