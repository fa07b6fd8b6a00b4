"""Every page of the router, for every role, over the running service: in English nothing but data is Chinese."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from api.auth.roles import ROLES
from api.console.language.reader import LANGUAGE_COOKIE
from api.console.sessions import SESSION_COOKIE
from tests.support.api_client import ApiClient, good
from tests.support.console_pages import pages
from tests.support.english import chinese_in
from tests.support.people import session_of
from tests.support.province import CITIES, code_of, decide, locked, people_of, populate, run
from tests.support.records import usage

NUMBER: Final = "anhui-2026-0001"
OURS: Final = code_of(CITIES[1], 1)
DATA: Final = (
    *(f"{city}-{number} 有限公司" for city in CITIES for number in (0, 1)),
    "测试银行",
    "写得清楚一些",
    "智算中心 hf-01",
)
NOT_THERE: Final = (
    "/console/claims/1", "/console/registry/entries/1", "/console/accounts/1", f"/console/payout-runs/{NUMBER}",
    "/console/jobs/1", "/console/keys/1",
)  # fmt: skip
"""What needs more than this file does: here it is read as the refusal that it is."""


LEAD_ON: Final = {"/console", "/console/held", "/console/people/one"}
"""What leads to another page, or names nobody."""


async def history(app: ApiClient) -> int:
    """A province with usage, records refused, a settlement locked, another returned, and an adjustment."""
    platform = await populate(app)
    await platform.push(
        usage("nowhere", facility="nowhere", consumer=OURS), usage("none", cards=-1),
        usage("unstated", consumer=OURS, purpose=None),
    )  # fmt: skip
    people = await people_of(app)
    made = await locked(people)
    assert made["id"] == NUMBER
    receipt = await platform.push(usage("later", consumer=OURS, charge_fen=70_000))
    await run(people.clerk, rate="0.10")
    third = await run(people.clerk, rate="0.15", notice_days=1)
    good(await decide(people.clerk, third["id"], "submit"))
    good(await decide(people.reviewer, third["id"], "review", decision="return", note="写得清楚一些"))
    return int(receipt["batch"])


async def test_every_page_of_every_role_is_english_but_for_data(app: ApiClient) -> None:
    batch = await history(app)
    opened, wrong = defaultdict[str, set[str]](set), dict[str, list[str]]()
    paths = [
        *pages(NUMBER, OURS, "reader-admin", {"batch": str(batch)}),
        "/console/nothing",
        f"/console/search?q={OURS}",
    ]
    paths += [f"/console/settlements/{NUMBER}/decide/{event}" for event in ("submit", "review", "approve", "lock")]
    paths += [f"/console/settlements/anhui-2026-000{number}" for number in (2, 3)]
    for role in sorted(ROLES):
        session = await session_of(app, f"reader-{role}", role, uscc=OURS if role == "entity" else None)
        app.client.cookies.set(SESSION_COOKIE, session)
        app.client.cookies.set(LANGUAGE_COOKIE, "en")
        try:
            for path in paths:
                answer = await app.client.get(path)
                assert answer.status_code < 500, path
                if answer.status_code != 303:
                    opened[path] |= {role} if answer.status_code == 200 else set()
                    wrong |= {f"{path} as {role}": found for found in [chinese_in(answer.text, DATA)] if found}
            wrong |= {f"405 as {role}": chinese_in((await app.client.post("/console/help")).text)}
        finally:
            app.client.cookies.clear()
    assert not any(wrong.values()), "\n".join(f"{place}: {found}" for place, found in wrong.items() if found)
    unread = {path for path in paths if not opened[path]} - {"/console/nothing"}
    assert {path for path in unread if not path.startswith(NOT_THERE) and "/decide/" not in path} <= LEAD_ON
    assert len([path for path in paths if opened[path]]) > 40
