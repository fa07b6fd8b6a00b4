"""Facts that end on 9999-12-31, as many systems write "no end": taken, shown and settled as what has no end."""

from __future__ import annotations

import pytest

from tests.support.api_client import ApiClient, good
from tests.support.province import run
from tests.support.records import (
    OWNER,
    USER,
    Record,
    chip,
    entity,
    expenditure,
    facility,
    holding,
    usage,
    uscc,
)
from tests.support.worlds import every_line, post

FIRST, LAST = "1900-01-01", "9999-12-31"
FACTS: dict[str, list[Record]] = {
    "/chips": [chip(valid_from=FIRST)],
    "/facilities": [
        facility(valid_from=FIRST, valid_to=LAST, capacity=[{"chip": "card-a", "cards": 8, "from": FIRST, "to": LAST}])
    ],
    "/entities": [entity(valid_from=FIRST, valid_to=LAST), entity(OWNER, valid_from=FIRST, valid_to=LAST)],
    "/holdings": [holding(uscc(3), USER, "0.3", **{"from": FIRST, "to": LAST})],
    "/expenditures": [
        expenditure("x", served_from=FIRST, served_to=LAST, amount_fen=10**9),
        expenditure("y", served_from=LAST, served_to=LAST),
    ],
}
STATED = {"valid_from", "valid_to", "from", "to", "served_from", "served_to"}


async def test_what_ends_on_the_last_day_there_is_stops_no_settlement(app: ApiClient) -> None:
    registrar, platform = await app.registrar(), await app.platform()
    for path, items in FACTS.items():
        assert good(await registrar.put(path, items))["refused"] == 0, path
        kept = await registrar.items(path)
        for item in items:
            told = {name: value for name, value in item.items() if name in STATED}
            assert any(told.items() <= one.items() for one in kept), path
    assert (await platform.push(usage("u", charge_fen=100_000)))["accepted"] == 1
    clerk = await app.holder("settlement:run", "settlement:review", "report:read")
    made = await run(clerk)
    (line,) = await every_line(clerk, made["id"])
    assert (line["uscc"], line["award_fen"], line["reasons"]) == (USER, 20_000, [])
    assert good(await clerk.get(f"/settlements/{made['id']}/verify"))["equal"] is True
    assert (await post(clerk, f"/settlements/{made['id']}/findings")).status_code == 200


@pytest.mark.parametrize("stated", ["9999-12-31", "9999-12-30"])
async def test_the_last_day_is_a_day_like_others(app: ApiClient, stated: str) -> None:
    registrar = await app.registrar()
    code = uscc(70 if stated == LAST else 71)
    for start, end in (("2020-01-01", stated), (stated, None)):
        item = entity(code, valid_from=start, valid_to=end, name=f"since {start}")
        assert good(await registrar.put("/entities", [item]))["accepted"] == 1
        assert good(await registrar.put("/entities", [item]))["duplicate"] == 1
    kept = await registrar.items("/entities", uscc=code)
    assert {(one["valid_from"], one.get("valid_to")) for one in kept} == {("2020-01-01", stated), (stated, None)}
