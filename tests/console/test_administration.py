"""An administrator keeps people and keys in the console, everybody his own second factor; nobody else does either."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx
import pytest
import pytest_asyncio

from api.auth.roles import ROLES
from api.auth.sessions import log_in, proof_of_session
from api.console.sessions import SESSION_COOKIE, session_form_token
from tests.support.api_client import ApiClient
from tests.support.people import PASSWORD, code_of, person_of
from tests.support.postgres import Cluster
from tests.support.records import uscc
from tests.support.serving import in_process

_NAMES = itertools.count(1)


@dataclass
class Somebody:
    """Somebody logged in at the console."""

    door: ApiClient
    name: str
    secret: str
    session: str

    @classmethod
    async def of(cls, door: ApiClient, role: str) -> Somebody:
        """Make and log in."""
        name = f"{role}-{next(_NAMES)}"
        secret = await person_of(door, name, role, uscc=uscc(5) if role == "entity" else None)
        session = await log_in(door.engine, name, PASSWORD, datetime.now(UTC), code_of(secret))
        assert session
        return cls(door, name, secret, session)

    async def get(self, path: str) -> httpx.Response:
        """Open a page."""
        return await self.door.client.get(f"/console{path}", headers={"Cookie": f"{SESSION_COOKIE}={self.session}"})

    async def post(self, path: str, **said: str) -> httpx.Response:
        """Send a form of a page."""
        form = {"token": session_form_token(self.session), **said}
        headers = {"Cookie": f"{SESSION_COOKIE}={self.session}"}
        return await self.door.client.post(f"/console{path}", data=form, headers=headers)


@pytest_asyncio.fixture(scope="module")
async def door(cluster: Cluster) -> AsyncIterator[ApiClient]:
    async with cluster.database() as url, in_process(url) as client:
        yield client


@pytest_asyncio.fixture(scope="module")
async def admin(door: ApiClient) -> Somebody:
    return await Somebody.of(door, "admin")


def shown_once(page: str) -> tuple[str, str]:
    """The password and the secret of the second factor of a page."""
    password = re.search(r'<code class="secret">([^<]+)</code>', page)
    uri = re.search(r"otpauth://[^<]+", page)
    secret = parse_qs(urlsplit(html.unescape(uri[0])).query)["secret"][0] if uri else ""
    return html.unescape(password[1]) if password else "", secret


async def test_a_person_is_made_logs_in_is_reset_and_shut_out(admin: Somebody) -> None:
    door, name = admin.door, "单位丙"
    made = await admin.post("/people/new", name=name, role="entity", uscc=uscc(7))
    assert made.status_code == 200, made.text[:500]
    password, secret = shown_once(made.text)
    now = datetime.now(UTC)
    assert await log_in(door.engine, name, password, now, code_of(secret))
    listed = (await admin.get("/people?q=单位丙")).text
    assert uscc(7) in listed
    assert "从未" not in listed.split("<tbody>")[1]
    other, _ = shown_once((await admin.post("/people/password", name=name)).text)
    assert other
    later = now + timedelta(minutes=2)
    assert await log_in(door.engine, name, password, later, code_of(secret, later)) is None
    session = await log_in(door.engine, name, other, later, code_of(secret, later))
    assert session
    done = await admin.post("/people/disable", name=name)
    assert done.status_code == 303
    assert "已停用" in (await admin.get(done.headers["location"].removeprefix("/console"))).text
    answer = await door.client.get("/console/company", headers={"Cookie": f"{SESSION_COOKIE}={session}"})
    assert answer.status_code == 303, "the session ended"
    assert (await admin.post("/people/enable", name=name)).status_code == 303
    _, fresh = shown_once((await admin.post("/people/second_factor", name=name)).text)
    assert fresh not in ("", secret)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"name": "x", "role": "king"}, "请选择角色"),
        ({"name": "x", "role": "entity"}, "统一社会信用代码"),
        ({"name": "x", "role": "entity", "uscc": "123"}, "没有办成"),
        ({"name": "x", "role": "payer", "city": "340100"}, "只有复核人员"),
        ({"name": "", "role": "payer"}, "用户名须为"),
    ],
)
async def test_a_person_that_cannot_be_is_not_made(admin: Somebody, said: dict[str, str], why: str) -> None:
    answer = await admin.post("/people/new", **said)
    assert answer.status_code == 400
    assert why in answer.text


async def test_a_name_is_given_once_and_nobody_shuts_himself_out(admin: Somebody) -> None:
    assert (await admin.post("/people/new", name=admin.name, role="payer")).status_code == 400
    answer = await admin.post("/people/disable", name=admin.name)
    assert answer.status_code == 409
    assert "不能停用自己" in answer.text


async def test_a_key_is_made_used_and_revoked(admin: Somebody) -> None:
    said = {"scope-report:read": "yes", "scope-usage:write": "yes", "days": "30", "source": "平台甲"}
    made = await admin.post("/keys/new", name="平台甲", **said)
    assert made.status_code == 200, made.text[:500]
    found = re.search(r"suanbu_([0-9a-f]{12})_[\w-]+", made.text)
    assert found
    asked = {"Authorization": f"Bearer {found[0]}"}
    assert (await admin.door.client.get("/v1/settlements", headers=asked)).status_code == 200
    assert "查看结算与报表" in (await admin.get(f"/keys/{found[1]}")).text
    assert found[0] not in (await admin.get("/keys")).text
    await admin.post("/keys/new", name="平台甲", **said)
    third = await admin.post("/keys/new", name="平台甲", **said)
    assert third.status_code == 409
    assert "已有两把有效的密钥" in third.text
    assert (await admin.post(f"/keys/{found[1]}/revoke")).status_code == 303
    assert "已吊销" in (await admin.get(f"/keys/{found[1]}")).text
    none = await admin.post("/keys/new", name="无权限")
    assert none.status_code == 400


@pytest.mark.parametrize("role", sorted(set(ROLES) - {"admin"}))
async def test_nobody_else_opens_people_or_keys(door: ApiClient, role: str) -> None:
    other = await Somebody.of(door, role)
    for path in ("/people", "/people/new", "/people/one?name=x", "/keys", "/keys/new", "/keys/abc"):
        assert (await other.get(path)).status_code == 403, path
    for path in ("/people/new", "/people/disable", "/keys/new", "/keys/abc/revoke"):
        assert (await other.post(path, name="x", role="admin")).status_code == 403, path


async def test_the_database_asks_for_an_administrator_who_has_just_shown_password_and_code(
    door: ApiClient, admin: Somebody
) -> None:
    auditor = await Somebody.of(door, "auditor")
    calls = (
        "administrator_person('evil', 'admin', null, null, '$argon2id$x', 'x', now())",
        "administrator_notes('x', 'enable', now())", "administrator_gives('x', 'password', '$argon2id$x', now())",
        "administrator_key('abc', 'x', 'evil', '{audit:read}', null, null, null, false, now())",
        "administrator_revokes('abc', now())",
    )  # fmt: skip
    owner = await asyncpg.connect(door.url)
    try:
        stale = "set role suanbu_owner; update login set proven_at = now() - interval '11 minutes' where person ="
        old = await Somebody.of(door, "admin")
        await owner.execute(f"{stale} (select id from person where name = '{old.name}')")
        await owner.execute("set role suanbu_service")
        for session in ("", auditor.session, old.session):
            proof = proof_of_session(session) if session else ""
            await owner.execute("select set_config('suanbu.proof', $1, false)", proof)
            for call in calls:
                with pytest.raises(asyncpg.CheckViolationError, match="administrator"):
                    await owner.execute(f"select {call}")
    finally:
        await owner.close()
    assert admin.session


async def test_everybody_changes_his_own_second_factor(door: ApiClient) -> None:
    somebody = await Somebody.of(door, "finance")
    page = (await somebody.post("/second-factor")).text
    kept = re.search(r'name="kept" value="([^"]+)"', page)
    _, fresh = shown_once(page)
    assert kept
    assert fresh
    wrong = await somebody.post("/second-factor", kept=html.unescape(kept[1]), new_code="000000")
    assert wrong.status_code == 403
    forged = await somebody.post("/second-factor", kept="aes-256-gcm:AAAA", new_code=code_of(fresh))
    assert forged.status_code == 403, "a secret that we have not sealed for him"
    done = await somebody.post("/second-factor", kept=html.unescape(kept[1]), new_code=code_of(fresh))
    assert (done.status_code, done.headers["location"]) == (303, "/console/login")
    assert (await somebody.get("/settlements")).status_code == 303, "all sessions end"
    later = datetime.now(UTC) + timedelta(minutes=2)
    assert await log_in(door.engine, somebody.name, PASSWORD, later, code_of(somebody.secret, later)) is None
    assert await log_in(door.engine, somebody.name, PASSWORD, later, code_of(fresh, later))


async def test_a_page_that_refuses_tells_the_number_of_its_request(admin: Somebody) -> None:
    """Whoever is asked about it finds the line of the log; who is logged in keeps name and way out."""
    for path, status in (("/settlements", 403), ("/nowhere", 404), ("/people/one?name=nobody", 404)):
        answer = await admin.get(path)
        assert answer.status_code == status
        assert f"编号 <code>{answer.headers['x-request-id']}</code>" in answer.text
        assert admin.name in answer.text
        assert "退出" in answer.text
