"""A list of facts answers what it was asked: a filter filters, and one that a path does not have is refused."""

from __future__ import annotations

import pytest

from tests.support.api_client import ApiClient, KeyClient, good, problem
from tests.support.records import entity, uscc

FIRST, SECOND, NOBODY = uscc(701), uscc(702), uscc(703)


async def registrar_of(app: ApiClient) -> KeyClient:
    """Who keeps the registry, with two facts about one entity around one about another."""
    registrar = await app.registrar()
    for code, name in ((FIRST, "甲"), (SECOND, "乙"), (FIRST, "甲改名")):
        good(await registrar.put("/entities", [entity(code, name=name)]))
    return registrar


async def test_entities_are_those_of_the_code_that_was_asked_for(app: ApiClient) -> None:
    registrar = await registrar_of(app)
    assert [one["name"] for one in await registrar.items("/entities", uscc=FIRST)] == ["甲", "甲改名"]
    assert [one["name"] for one in await registrar.items("/entities", uscc=SECOND)] == ["乙"]
    assert await registrar.items("/entities", uscc=NOBODY) == []
    page = good(await registrar.get("/entities", uscc=FIRST, limit=1))
    rest = good(await registrar.get("/entities", uscc=FIRST, limit=1, cursor=page["next"]))
    assert [one["name"] for one in (*page["items"], *rest["items"])] == ["甲", "甲改名"]
    assert rest["next"] is None
    assert problem(await registrar.get("/entities", uscc="91")) == (400, "bad_request")


@pytest.mark.parametrize("path", ["facilities", "chips", "holdings", "expenditures"])
async def test_a_filter_that_a_list_does_not_have_is_refused(app: ApiClient, path: str) -> None:
    registrar = await app.registrar()
    assert problem(await registrar.get(f"/{path}", uscc=FIRST)) == (400, "unknown_parameter")


@pytest.mark.parametrize("path", ["entities", "facilities", "chips", "holdings", "expenditures"])
async def test_a_put_takes_no_query(app: ApiClient, path: str) -> None:
    registrar = await app.registrar()
    assert problem(await registrar.put(f"/{path}?dry_run=true", [])) == (400, "unknown_parameter")
