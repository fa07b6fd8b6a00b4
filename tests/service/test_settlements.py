"""Running, reading and explaining settlements over HTTP."""

from __future__ import annotations

import io
import json
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
import pytest_asyncio
from python_calamine import CalamineWorkbook

from settlement.explain.operations import replay
from tests.service.province import HEFEI, KEEPER, NORTH, SUPPLIER, UNKNOWN, send_province
from tests.support.api_client import ApiClient, KeyClient, good, problem
from tests.support.records import usage
from tests.support.worlds import every_line, post


@pytest_asyncio.fixture(scope="module")
async def platform(app: ApiClient) -> KeyClient:
    """The province is there; the platform that sent it."""
    return await send_province(app)


@pytest_asyncio.fixture(scope="module")
async def clerk(app: ApiClient, platform: KeyClient) -> KeyClient:
    """Who runs settlements."""
    assert platform.key
    return await app.holder("settlement:run", "report:read")


@pytest_asyncio.fixture(scope="module")
async def settled(clerk: KeyClient) -> dict[str, Any]:
    """The settlement of the province at 20 %."""
    answer = await post(clerk, "/settlements", {"round": "anhui-2026", "order": {"rate": "0.20"}})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_lines_say_what_the_rules_say(clerk: KeyClient, settled: dict[str, Any]) -> None:
    lines = {line["uscc"]: line for line in await every_line(clerk, settled["id"])}
    assert set(lines) == {NORTH, HEFEI, SUPPLIER, UNKNOWN}
    assert lines[NORTH]["award_fen"] == 200_000
    assert lines[NORTH]["flags"] == ["CONFLICT_IN_QUARANTINE", "NO_EXPENDITURE_EVIDENCE"]
    assert lines[HEFEI]["consumed_pflops_hours"] == "13"
    assert (lines[HEFEI]["award_fen"], lines[HEFEI]["held_fen"]) == (100_000, 18_000)
    # nine used, three supplied: two thirds of 900,000, a fifth of that
    assert lines[SUPPLIER]["net_pflops_hours"] == "6"
    assert lines[SUPPLIER]["award_fen"] == 120_000
    assert (lines[UNKNOWN]["award_fen"], lines[UNKNOWN]["held_fen"]) == (0, 2_000)
    assert lines[UNKNOWN]["reasons"] == ["ENTITY_NOT_IN_REGISTRY"]
    assert settled["totals"]["award_fen"] == 420_000
    assert settled["totals"]["held_fen"] == 20_000
    assert settled["totals"]["payable_fen"] == sum(line["payable_fen"] for line in lines.values())


async def test_the_same_request_is_the_same_settlement(clerk: KeyClient, settled: dict[str, Any]) -> None:
    again = await post(
        clerk, "/settlements", {"round": "anhui-2026", "order": {"rate": "0.2"}, "as_of": settled["as_of"]}
    )
    assert again.status_code == 201, "the contract's answer, also when nothing is new"
    assert again.json()["id"] == settled["id"]


async def test_steps_replay_to_the_award(clerk: KeyClient, settled: dict[str, Any]) -> None:
    lines = await every_line(clerk, settled["id"])
    assert lines
    for line in lines:
        shown = good(await clerk.get(f"/settlements/{settled['id']}/lines/{line['uscc']}"))
        found = replay(shown["steps"])
        assert {name: found[name] for name in ("award_fen", "held_fen", "payable_fen")} == {
            name: line[name] for name in ("award_fen", "held_fen", "payable_fen")
        }
        assert all(step["rule"] and step["title"] for step in shown["steps"])


async def test_excluded_use_is_shown_by_reason(clerk: KeyClient, settled: dict[str, Any]) -> None:
    shown = good(await clerk.get(f"/settlements/{settled['id']}/lines/{HEFEI}"))
    assert [
        (part["status"], part["reason"], part["pflops_hours"], part["charge_fen"]) for part in shown["excluded"]
    ] == [("held", "PURPOSE_NOT_STATED", "1", 90_000)]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"region": "341300"}, [NORTH]),
        ({"region": "340100"}, [HEFEI, SUPPLIER]),
        ({"region": "340000"}, [HEFEI, SUPPLIER, NORTH]),
        ({"region": "34"}, [HEFEI, SUPPLIER, NORTH]),
        ({"region": "350000"}, []),
        ({"status": "held"}, [HEFEI, UNKNOWN]),  # every line with held money, also one that is payable
        ({"q": "既用"}, [SUPPLIER]),
        ({"q": HEFEI[-9:].lower()}, [HEFEI]),
        ({"q": "%"}, []),
    ],
)
async def test_lines_are_filtered(
    clerk: KeyClient, settled: dict[str, Any], filters: dict[str, str], expected: list[str]
) -> None:
    assert [line["uscc"] for line in await every_line(clerk, settled["id"], **filters)] == sorted(expected)
    if "region" in filters:
        reported = good(await clerk.get(f"/settlements/{settled['id']}/report.json", layout="lines", **filters))
        assert [line["uscc"] for line in reported["lines"]] == sorted(expected)


@pytest.mark.parametrize("region", ["3", "341", "3401", "3401001", "安徽", "%", "３４", "34\n", "ab"])
async def test_a_filter_that_names_no_region_is_refused(clerk: KeyClient, settled: dict[str, Any], region: str) -> None:
    for place in ("lines", "report.json", "report.xlsx"):
        assert problem(await clerk.get(f"/settlements/{settled['id']}/{place}", region=region)) == (400, "bad_region")


async def test_a_settlement_recomputes_to_the_same_bytes(clerk: KeyClient, settled: dict[str, Any]) -> None:
    verdict = good(await clerk.get(f"/settlements/{settled['id']}/verify"))
    assert verdict["equal"]
    assert verdict["recomputed_digest"] == settled["digest"]


async def test_what_arrives_later_does_not_change_what_was_settled(
    clerk: KeyClient, platform: KeyClient, settled: dict[str, Any]
) -> None:
    await platform.push(usage("late", consumer=NORTH, facility="hub", chip="unit", cards=5, charge_fen=77_777))
    verdict = good(await clerk.get(f"/settlements/{settled['id']}/verify"))
    assert verdict["equal"]
    now = await post(clerk, "/settlements", {"round": "anhui-2026", "order": {"rate": "0.20"}})
    assert now.status_code == 201
    assert now.json()["totals"]["award_fen"] == 420_000 + 15_555
    then = await post(
        clerk, "/settlements", {"round": "anhui-2026", "order": {"rate": "0.20"}, "as_of": settled["as_of"]}
    )
    assert then.json()["digest"] == settled["digest"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"round": "anhui-2026", "order": {"rate": "0.2001"}}, 422, "RATE_ABOVE_CEILING"),
        ({"round": "anhui-2026", "order": {"rate": "-0.1"}}, 422, "RATE_NEGATIVE"),
        ({"round": "anhui-2031"}, 422, "UNKNOWN_ROUND"),
        ({"round": "anhui-2026", "readings": {"mood": "generous"}}, 422, "UNKNOWN_READING"),
        ({"round": "anhui-2026", "readings": {"rounding": "up"}}, 422, "UNKNOWN_READING_VALUE"),
        ({"round": "anhui-2026", "as_of": 10**9}, 422, "UNKNOWN_BATCH"),
        ({"order": {}}, 400, "missing_field"),
        ({"round": "anhui-2026", "colour": "red"}, 400, "unknown_field"),
        ({"round": 2026}, 400, "wrong_type"),
    ],
)
async def test_what_cannot_be_settled_is_refused_with_its_rule(
    clerk: KeyClient, body: dict[str, Any], status: int, code: str
) -> None:
    assert problem(await post(clerk, "/settlements", body)) == (status, code)


async def test_a_record_says_where_it_was_settled(platform: KeyClient, settled: dict[str, Any]) -> None:
    shown = good(await platform.get("/usage-records/dispatch/h1"))
    assert {"settlement": settled["id"], "status": "computed"} in shown["settled_in"]
    late = good(await platform.get("/usage-records/dispatch/late"))
    assert settled["id"] not in [one["settlement"] for one in late["settled_in"]]


async def test_a_forecast_is_never_payable(clerk: KeyClient) -> None:
    forecast = (await post(clerk, "/settlements", {"round": "anhui-2026"})).json()
    assert forecast["totals"]["payable_fen"] == 0
    assert forecast["totals"]["award_fen"] > 0
    assert all("FORECAST_NOT_PAYABLE" in line["flags"] for line in await every_line(clerk, forecast["id"]))


async def test_the_interval_holds_the_default(clerk: KeyClient, settled: dict[str, Any]) -> None:
    interval = good(await clerk.get(f"/settlements/{settled['id']}", interval="true"))["interval"]
    for line in interval["lines"]:
        assert line["strictest_fen"] <= line["default_fen"] <= line["generous_fen"]
    moved = {line["uscc"]: set(line["moved_by"]) for line in interval["lines"]}
    assert "purpose_missing" in moved[HEFEI]
    assert "net_effect" in moved[SUPPLIER]
    assert "net_effect" not in moved[NORTH]


async def test_comparing_orders_stores_nothing(clerk: KeyClient, settled: dict[str, Any]) -> None:
    before = len(await clerk.items("/settlements", limit=1000))
    wanted = {"round": "anhui-2026", "orders": [{"rate": "0.20"}, {"rate": "0.10"}], "as_of": settled["as_of"]}
    answer = await post(clerk, "/settlements/compare", wanted)
    first, second = good(answer)["items"]
    assert first["digest"] == settled["digest"]
    assert first["difference"]["entities"] == []
    assert second["difference"]["totals"]["award_fen"] == -210_000
    assert {city["city"]: city["award_fen_difference"] for city in second["difference"]["cities"]}["341300"] == -100_000
    assert len(await clerk.items("/settlements", limit=1000)) == before


async def test_reports_open_and_add_up(clerk: KeyClient, settled: dict[str, Any]) -> None:
    async def report(kind: str, **query: str) -> bytes:
        answer = await clerk.get(f"/settlements/{settled['id']}/report.{kind}", **query)
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        return answer.content

    book = CalamineWorkbook.from_filelike(io.BytesIO(await report("xlsx")))
    assert book.sheet_names
    table = pl.read_parquet(await report("parquet"))
    assert table["award_fen"].sum() == settled["totals"]["award_fen"]
    assert json.loads(await report("json"))["settlement"]["digest"] == settled["digest"]
    text = (await report("csv", layout="lines")).decode("utf-8-sig")
    assert "=合肥用户" in text
    assert ",=合肥用户" not in text, "a name must not become a formula"
    assert (await clerk.get(f"/settlements/{settled['id']}/report.pdf")).status_code == 404


async def test_rounds_show_their_sources(clerk: KeyClient) -> None:
    rounds = {one["id"]: one for one in await clerk.items("/rounds")}
    assert set(rounds) == {"anhui-2024-1", "anhui-2025", "anhui-2026", "yinchuan-draft"}
    assert rounds["anhui-2026"]["window"]["from"] == "2025-08-16"
    for one in rounds.values():
        for rule in one["rules"]:
            assert rule["source"].get("quote") or rule["source"].get("ext"), rule


async def test_quantities_are_exact_strings(clerk: KeyClient, settled: dict[str, Any]) -> None:
    lines = await every_line(clerk, settled["id"])
    assert any(name.endswith("_pflops_hours") for line in lines for name in line)
    for line in lines:
        for name, value in line.items():
            if name.endswith("_pflops_hours"):
                assert isinstance(value, str)
                assert str(Fraction(value)) == value or "." in value


async def test_reading_and_running_need_their_scopes(app: ApiClient, settled: dict[str, Any]) -> None:
    stranger = await app.holder("usage:read")
    assert problem(await stranger.get("/settlements")) == (403, "scope_missing")
    assert problem(await stranger.get(f"/settlements/{settled['id']}/lines/{KEEPER}")) == (403, "scope_missing")
    assert problem(await post(stranger, "/settlements", {"round": "anhui-2026"})) == (403, "scope_missing")
