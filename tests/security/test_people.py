"""People: password and code, lockout, idle sessions, proof for decisions, and what each role may ask."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from api.auth.people import PROOF_MINUTES, create_person, list_people, shut_out, unlock
from api.auth.roles import SCOPES_OF
from api.auth.second_factor import new_second_factor
from api.auth.sessions import (
    FAILURES_MAX,
    IDLE_MINUTES,
    LOCKOUT_MINUTES,
    SESSION_HOURS,
    log_in,
    log_out,
    prove_again,
    whose,
)
from meter.database.scope import NOBODY, act_as
from tests.support.api_client import ApiClient

NOW = datetime(2026, 4, 20, 9, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
_NUMBERS = itertools.count(1)


async def somebody(app: ApiClient, *, second_factor: bool = False, role: str = "") -> tuple[str, str]:
    """A person's name and TOTP secret ("" for none); an approver with one, an auditor without."""
    role = role or ("approver" if second_factor else "auditor")
    name = f"person-{next(_NUMBERS)}"
    secret = new_second_factor(name)[0] if second_factor else ""
    await create_person(
        app.commands, name=name, role=role, city=None, password=PASSWORD, now=NOW, totp_secret=secret or None
    )
    return name, secret


def code_at(secret: str, moment: datetime) -> str:
    """The code that an authenticator shows."""
    return pyotp.TOTP(secret).at(moment)


async def test_who_has_a_second_factor_needs_it(app: ApiClient) -> None:
    name, secret = await somebody(app, second_factor=True)
    assert await log_in(app.engine, name, PASSWORD, NOW) is None
    assert await log_in(app.engine, name, PASSWORD, NOW, "000000") is None
    assert await log_in(app.engine, name, "wrong", NOW, code_at(secret, NOW)) is None
    assert await log_in(app.engine, name, PASSWORD, NOW, code_at(secret, NOW - timedelta(minutes=5))) is None
    session = await log_in(app.engine, name, PASSWORD, NOW, code_at(secret, NOW))
    person = await whose(app.engine, session, NOW)
    assert person is not None
    assert person.second_factor


async def test_a_code_is_taken_once(app: ApiClient) -> None:
    name, secret = await somebody(app, second_factor=True)
    code = code_at(secret, NOW)
    assert await log_in(app.engine, name, PASSWORD, NOW, code)
    assert await log_in(app.engine, name, PASSWORD, NOW, code) is None
    later = NOW + timedelta(seconds=30)
    assert await log_in(app.engine, name, PASSWORD, later, code_at(secret, later))


async def test_five_failures_lock_a_name_out_and_time_or_the_administrator_lets_it_in(app: ApiClient) -> None:
    name, _ = await somebody(app)
    for _ in range(FAILURES_MAX):
        assert await log_in(app.engine, name, "wrong password", NOW) is None
    assert await log_in(app.engine, name, PASSWORD, NOW) is None
    assert await log_in(app.engine, name, PASSWORD, NOW + timedelta(minutes=LOCKOUT_MINUTES, seconds=1))
    other, _ = await somebody(app)
    for _ in range(FAILURES_MAX):
        assert await log_in(app.engine, other, "wrong password", NOW) is None
    await unlock(app.commands, other, NOW)
    assert await log_in(app.engine, other, PASSWORD, NOW)


async def test_guesses_at_once_are_counted_one_after_another(app: ApiClient) -> None:
    name, _ = await somebody(app)
    guesses = [f"guess number {number}" for number in range(FAILURES_MAX + 3)] + [PASSWORD]
    found = await asyncio.gather(*(log_in(app.engine, name, guess, NOW) for guess in guesses))
    tried = sum(one is not None for one in found)
    assert tried <= 1
    assert await log_in(app.engine, name, PASSWORD, NOW) is None or tried


async def test_trying_on_while_locked_out_does_not_lock_for_longer(app: ApiClient) -> None:
    name, _ = await somebody(app)
    for minute in range(LOCKOUT_MINUTES):
        await log_in(app.engine, name, "wrong password", NOW + timedelta(seconds=minute))
    assert await log_in(app.engine, name, PASSWORD, NOW + timedelta(minutes=LOCKOUT_MINUTES, seconds=10))


async def test_a_session_ends_idle_or_old_or_by_leaving(app: ApiClient) -> None:
    name, _ = await somebody(app)
    session = await log_in(app.engine, name, PASSWORD, NOW)
    moment = NOW
    for _ in range(3):
        moment += timedelta(minutes=IDLE_MINUTES - 1)
        assert await whose(app.engine, session, moment) is not None
    assert await whose(app.engine, session, moment + timedelta(minutes=IDLE_MINUTES + 1)) is None
    again = await log_in(app.engine, name, PASSWORD, NOW)
    moment = NOW
    while moment < NOW + timedelta(hours=SESSION_HOURS):
        assert await whose(app.engine, again, moment) is not None
        moment += timedelta(minutes=20)
    assert await whose(app.engine, again, moment) is None
    third = await log_in(app.engine, name, PASSWORD, NOW)
    assert third
    await log_out(app.engine, third, NOW)
    assert await whose(app.engine, third, NOW) is None


async def test_a_decision_asks_for_password_and_code_again(app: ApiClient) -> None:
    name, secret = await somebody(app, second_factor=True)
    session = await log_in(app.engine, name, PASSWORD, NOW, code_at(secret, NOW))
    assert session
    later = NOW + timedelta(minutes=PROOF_MINUTES + 1)
    person = await whose(app.engine, session, later)
    assert person is not None
    assert not person.may_decide(later)
    assert not await prove_again(app.engine, session, "wrong", code_at(secret, later), later)
    assert not await prove_again(app.engine, session, PASSWORD, None, later)
    assert await prove_again(app.engine, session, PASSWORD, code_at(secret, later), later)
    person = await whose(app.engine, session, later)
    assert person is not None
    assert person.may_decide(later)


async def test_without_a_second_factor_nobody_decides(app: ApiClient) -> None:
    name, _ = await somebody(app)
    person = await whose(app.engine, await log_in(app.engine, name, PASSWORD, NOW), NOW)
    assert person is not None
    assert not person.may_decide(NOW)


async def test_who_is_disabled_is_out_at_once_and_may_be_let_in_again(app: ApiClient) -> None:
    name, _ = await somebody(app)
    session = await log_in(app.engine, name, PASSWORD, NOW)
    assert await whose(app.engine, session, NOW) is not None
    act_as(NOBODY)
    assert await shut_out(app.commands, name, NOW, out=True)
    assert await whose(app.engine, session, NOW) is None
    assert await log_in(app.engine, name, PASSWORD, NOW) is None
    (row,) = [one for one in await list_people(app.engine) if one["name"] == name]
    assert (row["disabled"], row["second_factor"]) == (True, False)
    assert "password_hash" not in row
    assert await shut_out(app.commands, name, NOW, out=False)
    assert await log_in(app.engine, name, PASSWORD, NOW)
    assert not await shut_out(app.commands, "nobody of this name", NOW, out=True)


def test_roles_have_what_they_need_and_nothing_of_each_other() -> None:
    assert SCOPES_OF["admin"] == frozenset()
    reading = {"report:read", "usage:read", "registry:read", "payout:read", "audit:read"}
    assert SCOPES_OF["auditor"] <= reading
    assert [role for role, scopes in SCOPES_OF.items() if "audit:read" in scopes] == ["auditor"]
    for scope in ("settlement:run", "settlement:review", "settlement:approve", "payout:run"):
        assert len([role for role, scopes in SCOPES_OF.items() if scope in scopes]) == 1, scope


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"role": "god"}, "unknown role"), ({"city": "3401"}, "six-digit"), ({"city": "340102"}, "six-digit"),
        ({"password": "short"}, "password"), ({"name": ""}, "name"), ({"name": "a\0b"}, "name"),
    ],
)  # fmt: skip
async def test_what_makes_no_person(app: ApiClient, changed: dict[str, str], word: str) -> None:
    given = {"name": f"p{next(_NUMBERS)}", "role": "auditor", "city": None, "password": PASSWORD} | changed
    with pytest.raises(ValueError, match=word):
        await create_person(app.commands, **given, now=NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "\0", "a" * 1000, "'; drop table person; --", "‮nobody", "😀"])
async def test_strange_names_are_simply_wrong(app: ApiClient, name: str) -> None:
    assert await log_in(app.engine, name, PASSWORD, NOW) is None
