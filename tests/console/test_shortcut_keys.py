"""Keys that lead to sections and turn pages: each of one meaning on a page, and the help says which."""

from __future__ import annotations

import re

import pytest

from api.auth.roles import ROLES
from tests.console.console_session import ConsoleSession

KEY = re.compile(r'<(?:a|input)\b[^>]*accesskey="(.)"[^>]*>(?:([^<]*)</a>)?')
PLACES = ("/console/overview", "/console/help", "/console/settlements", "/console/registry", "/console/company")


@pytest.mark.parametrize("role", ROLES)
async def test_a_key_has_one_meaning_and_the_help_says_it(desk: ConsoleSession, role: str) -> None:
    desk.be_logged_in_as(role)
    help_page = await desk.page("/console/help")
    told = dict(re.findall(r"<kbd>(.)</kbd></dt><dd>([^<]*)</dd>", help_page.html))
    assert told["0"] == "帮助"
    seen = set()
    for place in PLACES:
        answer = await desk.client.get(place)
        if answer.status_code != 200:
            continue
        keys = KEY.findall(answer.text)
        assert len({key for key, _ in keys}) == len(keys), f"{place}: a key of two meanings"
        for key, name in keys:
            assert told[key] == (name or "查找"), f"{place}: {key}"
        seen |= {key for key, _ in keys}
    assert "0" in seen
    assert ("2" in seen) == any(name in help_page.html for name in ("/console/settlements", "/console/company"))
