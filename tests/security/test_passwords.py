"""Passwords and places: which are taken, who changes them, and whom failures keep out."""

from __future__ import annotations

import asyncio
import itertools
import os
import pwd
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import asyncpg
import pyotp
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from api.auth import sessions
from api.auth.passwords import (
    HASHES_AT_ONCE,
    HASHES_WAITING,
    NICENESS,
    Hashing,
    _in_its_thread,
    new_password,
    unfit,
)
from api.auth.people import create_person, give_password, give_second_factor, unlock
from api.auth.roles import COMPANY
from api.auth.second_factor import TOTP_SECONDS
from api.auth.sessions import (
    FAILURES_MAX,
    SLOW_SECONDS,
    change_password,
    log_in,
    prove_again,
    whose,
)
from api.commands.hand import _login_uid, user_name
from api.http.problem import Problem
from api.settings import NEEDED, SETTING, roles_with_second_factor
from meter.database.scope import NOBODY, act_as
from tests.support.api_client import ApiClient
from tests.support.people import PASSWORD, code_of, person_of
from tests.support.records import uscc

NOW = datetime(2026, 4, 20, 9, 0, tzinfo=UTC)
HERE, THERE = "192.0.2.1", "198.51.100.7"
_NUMBERS = itertools.count(1)


@pytest.mark.parametrize(
    ("password", "word"),
    [
        ("password", "length"), ("12345678", "length"), ("a" * 257, "length"), ("short12345"[:9], "length"),
        ("password12345", "common"), ("PassWord12345", "common"), ("1234567890", "common"),
        ("98765432101234", "common"),
        ("Administrator", "common"), ("qwertyuiop1", "common"), ("iloveyou2026", "common"),
        ("I am WangXi 7", ""), ("x-wang.li-2026", "name"), ("x-WANG.LI-2026", "name"), ("tall green door", ""),
    ],
)  # fmt: skip
def test_which_passwords_are_taken(password: str, word: str) -> None:
    assert unfit(password, "Wang.Li") == word


def test_a_name_of_two_letters_may_occur_and_one_of_two_signs_may_not() -> None:
    assert unfit("a clinic on a hill", "li") == ""
    assert unfit("李明的长长的密码啊啊", "李明") == "name"
    assert all(unfit(new_password("li"), "li") == "" for _ in range(20))


@pytest.mark.parametrize("password", ["password", "12345678", "password1234"])
async def test_a_weak_password_makes_no_person_and_changes_none(app: ApiClient, password: str) -> None:
    name = f"weak-{next(_NUMBERS)}"
    given = {"name": name, "role": "approver", "city": None, "password": password}
    with pytest.raises(ValueError, match="password"):
        await create_person(app.commands, **given, now=NOW)  # type: ignore[arg-type]
    await person_of(app, name, "approver")
    with pytest.raises(ValueError, match="password"):
        await give_password(app.commands, name, password, NOW)


async def test_one_changes_ones_own_password_and_all_sessions_end_on_record(
    app: ApiClient, owner: asyncpg.Connection
) -> None:
    name = f"changing-{next(_NUMBERS)}"
    secret = await person_of(app, name, "approver")
    first = await log_in(app.engine, name, PASSWORD, NOW, code_of(secret, NOW))
    later = NOW + timedelta(seconds=TOTP_SECONDS)
    second = await log_in(app.engine, name, PASSWORD, later, code_of(secret, later))
    assert first
    assert second
    then = later + timedelta(seconds=TOTP_SECONDS)
    wrong: list[tuple[dict[str, str], str]] = [
        ({"password": PASSWORD, "code": code_of(secret, then), "new": "short"}, "length"),
        ({"password": PASSWORD, "code": code_of(secret, then), "new": PASSWORD}, "same"),
        ({"password": "wrong", "code": code_of(secret, then), "new": "a better horse"}, "wrong"),
        ({"password": PASSWORD, "new": "a better horse"}, "wrong"),
    ]
    for given, word in wrong:
        assert await change_password(app.engine, second, given, then) == word
    right = {"password": PASSWORD, "code": code_of(secret, then), "new": "a better horse"}
    assert await change_password(app.engine, second, right, then) == ""
    assert await whose(app.engine, first, then) is None
    assert await whose(app.engine, second, then) is None
    after = then + timedelta(seconds=TOTP_SECONDS)
    assert await log_in(app.engine, name, PASSWORD, after, code_of(secret, after)) is None
    assert await log_in(app.engine, name, "a better horse", after, code_of(secret, after))
    logged = await owner.fetch("select actor, action, result from audit where object = $1 order by seq", name)
    assert (f"person:{name}", "person.password", "done") in [tuple(row) for row in logged]


async def test_no_session_is_too_long_or_without_its_second_factor_whoever_opens_it(
    app: ApiClient, owner: asyncpg.Connection
) -> None:
    name = f"long-{next(_NUMBERS)}"
    await create_person(app.commands, name=name, role="auditor", city=None, password=PASSWORD, now=NOW)
    opened = """select session_open($1::bytea, name, password_hash, $2::timestamptz,
                                   $2::timestamptz + make_interval(hours => 8, secs => $4), null)
                from person where name = $3"""
    await owner.execute(opened, b"eight hours", NOW, name, 0)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await owner.execute(opened, b"a second more", NOW, name, 1)
    assert refused.value.constraint_name == "session_too_long"
    payer = f"bare-{next(_NUMBERS)}"
    await create_person(app.commands, name=payer, role="payer", city=None, password=PASSWORD, now=NOW)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await owner.execute(opened, b"without a factor", NOW, payer, 0)
    assert refused.value.constraint_name == "second_factor_missing"


async def test_the_administrator_gives_a_password_and_a_second_factor_on_record(
    app: ApiClient, owner: asyncpg.Connection
) -> None:
    name = f"given-{next(_NUMBERS)}"
    await create_person(app.commands, name=name, role="payer", city=None, password=PASSWORD, now=NOW)
    assert await log_in(app.engine, name, PASSWORD, NOW) is None, "who moves money needs a second factor"
    uri = await give_second_factor(app.commands, name, NOW)
    assert uri
    totp = pyotp.parse_uri(uri)
    assert isinstance(totp, pyotp.TOTP)
    session = await log_in(app.engine, name, PASSWORD, NOW, totp.at(NOW))
    assert await whose(app.engine, session, NOW) is not None
    act_as(NOBODY)
    assert await give_password(app.commands, name, "a better horse", NOW)
    assert await whose(app.engine, session, NOW) is None
    logged = {tuple(row) for row in await owner.fetch("select action, result from audit where object = $1", name)}
    assert {("person.second_factor", "done"), ("person.password", "done"), ("person.login", "refused")} <= logged
    reasons = await owner.fetch("select detail->>'reason' as why from person_event where name = $1", name)
    assert "second_factor_missing" in [row["why"] for row in reasons]
    assert not await give_password(app.commands, "nobody of this name", "a better horse", NOW)
    assert await give_second_factor(app.commands, "nobody of this name", NOW) is None


@pytest.mark.parametrize("role", sorted(NEEDED))
async def test_the_database_opens_no_session_of_who_moves_or_decides_without_a_second_factor(
    app: ApiClient, role: str
) -> None:
    name = f"{role}-{next(_NUMBERS)}"
    code = uscc(1) if role == COMPANY else None
    await create_person(app.commands, name=name, role=role, city=None, password=PASSWORD, now=NOW, uscc=code)
    assert await log_in(app.engine, name, PASSWORD, NOW) is None
    with pytest.raises(Exception, match="needs a second factor"):
        await log_in(app.engine, name, PASSWORD, NOW, needed=frozenset())


def test_more_roles_can_be_asked_for_a_code_and_none_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    for said, roles in (("", NEEDED), ("auditor", NEEDED | {"auditor"}), ("finance, operator", NEEDED | {"operator"})):
        monkeypatch.setenv(SETTING, said)
        assert roles_with_second_factor() == roles
    monkeypatch.setenv(SETTING, "auditors")
    with pytest.raises(ValueError, match="auditors"):
        roles_with_second_factor()


async def auditor(app: ApiClient) -> str:
    name = f"auditor-{next(_NUMBERS)}"
    await create_person(app.commands, name=name, role="auditor", city=None, password=PASSWORD, now=NOW)
    return name


async def test_failures_lock_out_the_client_that_made_them_and_nobody_else(app: ApiClient) -> None:
    name = await auditor(app)
    for _ in range(FAILURES_MAX):
        assert await log_in(app.engine, name, "wrong password", NOW, client=THERE) is None
    assert await log_in(app.engine, name, PASSWORD, NOW, client=THERE) is None
    assert await log_in(app.engine, name, PASSWORD, NOW, client=HERE)
    assert await log_in(app.engine, name, PASSWORD, NOW, client=THERE) is None, "a login elsewhere clears nothing here"
    await unlock(app.commands, name, NOW)
    assert await log_in(app.engine, name, PASSWORD, NOW, client=THERE)


async def test_many_failures_from_everywhere_slow_down_new_places_only(
    app: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sessions.SLOW_FAILURES == 50
    monkeypatch.setattr(sessions, "SLOW_FAILURES", 8)  # each takes a hash
    name = await auditor(app)
    assert await log_in(app.engine, name, PASSWORD, NOW, client=HERE)
    hashing = Hashing()
    for number in range(8):
        place = f"203.0.113.{number}"
        assert await log_in(app.engine, name, "wrong password", NOW, client=place, hashing=hashing) is None
    assert await log_in(app.engine, name, PASSWORD, NOW, client=THERE) is None
    assert await log_in(app.engine, name, PASSWORD, NOW, client=HERE), "where somebody logs in every day"
    assert await log_in(app.engine, name, PASSWORD, NOW + timedelta(seconds=SLOW_SECONDS), client=THERE)


async def test_failed_logins_never_keep_an_open_session_from_showing_password_and_code(app: ApiClient) -> None:
    name = f"approver-{next(_NUMBERS)}"
    secret = await person_of(app, name, "approver")
    session = await log_in(app.engine, name, PASSWORD, NOW, code_of(secret, NOW), client=HERE)
    assert session
    for place in (HERE, THERE):
        for _ in range(FAILURES_MAX):
            assert await log_in(app.engine, name, "wrong password", NOW, client=place) is None
    later = NOW + timedelta(seconds=TOTP_SECONDS)
    assert await prove_again(app.engine, session, PASSWORD, code_of(secret, later), later)
    for _ in range(FAILURES_MAX):
        assert not await prove_again(app.engine, session, "wrong password", "000000", later)
    then = later + timedelta(seconds=TOTP_SECONDS)
    assert not await prove_again(app.engine, session, PASSWORD, code_of(secret, then), then), "five of its own do"


async def test_two_hashes_at_once_eight_wait_and_the_rest_comes_back() -> None:
    hashing = Hashing()
    asked = [asyncio.create_task(hashing.shown(None, "guess")) for _ in range(40)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    refused = [one for one in found if isinstance(one, Problem)]
    assert len(refused) == 40 - HASHES_AT_ONCE - HASHES_WAITING
    assert {(one.status, bool(one.headers["Retry-After"])) for one in refused} == {(429, True)}
    kept = await hashing.hashed("right")
    salt = kept[: kept.rindex("$") + 1]
    assert await hashing.shown(salt, "right") == kept, "afterwards there is room again"
    assert await hashing.shown(salt, "wrong") != kept
    assert await hashing.shown("no salt", "right") == ""


async def test_who_has_no_place_asks_nothing_of_the_database_and_who_is_logged_in_waits(app: ApiClient) -> None:
    name = f"approver-{next(_NUMBERS)}"
    secret = await person_of(app, name, "approver")
    session = await log_in(app.engine, name, PASSWORD, NOW, code_of(secret, NOW))
    assert session
    hashing, release = Hashing(), asyncio.Event()

    async def hold() -> None:
        async with hashing.place():
            await release.wait()

    everybody = HASHES_AT_ONCE + HASHES_WAITING
    holding = [asyncio.create_task(hold()) for _ in range(everybody)]
    await asyncio.sleep(0)  # each goes as far as it can
    assert hashing._inside == everybody
    with pytest.raises(Problem) as turned_away:
        await log_in(cast("AsyncEngine", None), name, PASSWORD, NOW, hashing=hashing)
    assert turned_away.value.status == 429
    later = NOW + timedelta(seconds=TOTP_SECONDS)
    proving = asyncio.create_task(
        prove_again(app.engine, session, PASSWORD, code_of(secret, later), later, hashing=hashing)
    )
    for _ in range(500):
        if hashing._inside > everybody or proving.done():
            break
        await asyncio.sleep(0.01)
    assert not proving.done(), "it waits for its turn"
    release.set()
    assert await proving
    await asyncio.gather(*holding)


async def test_hashing_lets_every_other_thread_go_first() -> None:
    assert await _in_its_thread(lambda: str(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))) == str(
        NICENESS
    )


async def test_a_new_hash_takes_one_core() -> None:
    assert ",p=1$" in await Hashing().hashed("a better horse")


def test_who_commands_is_who_the_system_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "director")
    assert "director" not in user_name()
    assert pwd.getpwuid(os.getuid()).pw_name in user_name()
    for said, uid in (("4294967295", None), ("0", 0), ("", None)):
        (tmp_path / "loginuid").write_text(said)
        assert _login_uid(tmp_path / "loginuid") == uid
    assert _login_uid(tmp_path / "nothing") is None
