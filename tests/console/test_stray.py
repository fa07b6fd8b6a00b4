"""An address of the console that there is not, or that takes another method, is answered with a page."""

from __future__ import annotations

import pytest

from tests.support.api_client import ApiClient


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/console/nowhere", 404, "没有这样的页面"),
        ("GET", "/console/settlements/A/b/c/d", 404, "没有这样的页面"),
        ("POST", "/console/search", 405, "请从页面上的链接或按钮进入"),
    ],
)
async def test_people_get_a_page_in_their_language(
    app: ApiClient, method: str, path: str, status: int, said: str
) -> None:
    answer = await app.client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert said in answer.text
    assert "content-security-policy" in answer.headers
    assert (status == 405) == ("allow" in answer.headers)


async def test_programs_get_a_problem_beside_it(app: ApiClient) -> None:
    answer = await app.client.get("/consoles")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_path")
