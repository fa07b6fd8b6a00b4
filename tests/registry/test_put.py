"""The registry over HTTP: facts dated and append-only, repeats, conflicts, what is refused and with which code."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.api_client import ApiClient, KeyClient, codes, counts, good, problem
from tests.support.records import ABSENT, JSON, OWNER, Record, chip, entity, expenditure, facility, holding, usage, uscc


@pytest.fixture
async def keeper(app: ApiClient, registrar: KeyClient) -> KeyClient:
    """Who keeps the registry."""
    assert app
    return registrar


async def accepted(keeper: KeyClient, path: str, *items: Record) -> dict[str, Any]:
    """The answer to items that must all be accepted."""
    answer = good(await keeper.put(path, list(items)))
    assert counts(answer) == [len(items), 0, 0, 0], answer
    return answer


async def all_items(keeper: KeyClient, path: str, **query: Any) -> list[dict[str, Any]]:
    """Every fact of a list."""
    return await keeper.items(path, limit=1000, **query)


GOOD = {
    "/entities": entity(uscc(100)),
    "/facilities": facility(
        "put-1", operator=uscc(101), capacity=[{"chip": "card-a", "cards": 8, "from": "2020-01-01"}]
    ),
    "/chips": chip("put-1", tflops_fp16="319.5"),
    "/holdings": holding(uscc(102), uscc(103), "0.251"),
    "/expenditures": expenditure("put-1"),
}


@pytest.mark.parametrize("path", GOOD)
async def test_a_put_is_idempotent_and_its_facts_can_be_read(keeper: KeyClient, path: str) -> None:
    first = await accepted(keeper, path, GOOD[path])
    assert first["digest"].startswith("sm3:")
    again = good(await keeper.put(path, [GOOD[path], GOOD[path]]))
    assert counts(again) == [0, 2, 0, 0]
    assert again["batch"] is None, "nothing new is no batch"
    found = [one for one in await all_items(keeper, path) if one["batch"] == first["batch"]]
    assert [{k: v for k, v in one.items() if k != "batch"} for one in found] == [GOOD[path]]
    assert good(await keeper.get(f"/batches/{first['batch']}"))["kind"] == path[1:]


async def test_facts_are_appended_and_as_of_shows_what_was_known(keeper: KeyClient) -> None:
    code = uscc(110)

    async def names(**query: str) -> list[str]:
        return [one["name"] for one in await all_items(keeper, "/entities", **query) if one["uscc"] == code]

    await accepted(keeper, "/entities", entity(code, name="旧名"))
    between = datetime.now(UTC).isoformat()
    await accepted(keeper, "/entities", entity(code, name="新名"))
    await accepted(keeper, "/entities", entity(code, name="旧名"))  # not the latest word: said again, it is news
    assert await names() == ["旧名", "新名", "旧名"]
    assert await names(as_of=between) == ["旧名"]
    assert await names(as_of="2020-01-01T00:00:00+08:00") == []


async def test_a_null_says_as_much_as_nothing(keeper: KeyClient) -> None:
    code = uscc(111)
    await accepted(keeper, "/entities", entity(code, ai_enterprise=None, valid_to=None))
    assert counts(good(await keeper.put("/entities", [entity(code, ai_enterprise=ABSENT)]))) == [0, 1, 0, 0]


async def test_shares_are_compared_as_numbers(keeper: KeyClient) -> None:
    await accepted(keeper, "/holdings", holding(uscc(112), uscc(113), "0.250"))
    assert counts(good(await keeper.put("/holdings", [holding(uscc(112), uscc(113), "0.25")]))) == [0, 1, 0, 0]


async def test_a_bank_account_is_taken_but_not_shown(keeper: KeyClient) -> None:
    account = {"bank": "示例银行", "account": "6222000011112222", "holder": "示例单位"}
    await accepted(keeper, "/entities", entity(uscc(114), bank_account=account))
    assert counts(good(await keeper.put("/entities", [entity(uscc(114), bank_account=account)]))) == [0, 1, 0, 0]
    other = account | {"account": "6222000011113333"}
    assert counts(good(await keeper.put("/entities", [entity(uscc(114), bank_account=other)]))) == [1, 0, 0, 0]
    answer = await keeper.get("/entities", limit=1000)
    assert "6222" not in answer.text


async def test_expenditures_are_evidence_and_never_replaced(keeper: KeyClient) -> None:
    await accepted(keeper, "/expenditures", expenditure("once"), expenditure("red", amount_fen=-50))
    answer = good(await keeper.put("/expenditures", [expenditure("once", amount_fen=2), expenditure("once")]))
    assert counts(answer) == [0, 1, 1, 0]
    assert codes(answer) == [(0, "conflict", "id_already_recorded_with_other_content")]


WRONG: dict[str, tuple[str, object, str]] = {
    "an entity that is none": ("/entities", 5, "wrong_type"),
    "an unknown field": ("/entities", entity(colour="red"), "unknown_field"),
    "a missing field": ("/entities", entity(name=ABSENT), "missing_field"),
    "a wrong check digit": ("/entities", entity("91340100MA0000001" + "0"), "bad_uscc"),
    "an unknown kind": ("/entities", entity(kind="shop"), "unknown_value"),
    "a region of letters": ("/entities", entity(region="34010A"), "bad_region"),
    "a flag as text": ("/entities", entity(state_body="no"), "wrong_type"),
    "a name of nothing": ("/entities", entity(name="  "), "out_of_range"),
    "a name with NUL": ("/entities", entity(name="a\0b"), "bad_text"),
    "a day that is none": ("/entities", entity(valid_from="2025-02-29"), "bad_date"),
    "an empty period": ("/entities", entity(valid_to="2015-01-01"), "empty_period"),
    "a facility without owners": ("/facilities", facility("w", owners=[]), "shares_do_not_sum_to_one"),
    "shares below one": (
        "/facilities",
        facility("w", owners=[{"uscc": OWNER, "share": "0.99"}]),
        "shares_do_not_sum_to_one",
    ),
    "an owner named twice": (
        "/facilities",
        facility("w", owners=[{"uscc": OWNER, "share": "0.5"}] * 2),
        "owner_named_twice",
    ),
    "a share as a number": ("/facilities", facility("w", owners=[{"uscc": OWNER, "share": 1}]), "wrong_type"),
    "a facility id with a space": ("/facilities", facility("a b"), "bad_id"),
    "a rating of nothing": ("/chips", chip("w", tflops_fp16="0"), "out_of_range"),
    "a rating with seven decimals": ("/chips", chip("w", tflops_fp16="1.0000001"), "out_of_range"),
    "a rating as a float": ("/chips", chip("w", tflops_fp16=1.5), "wrong_type"),
    "a holding of oneself": ("/holdings", holding(OWNER, OWNER, "0.5"), "holds_itself"),
    "a holding above one": ("/holdings", holding(uscc(1), OWNER, "1.01"), "out_of_range"),
    "an amount as text": ("/expenditures", expenditure("w", amount_fen="1"), "wrong_type"),
    "an amount of 2 to the 64th": ("/expenditures", expenditure("w", amount_fen=2**64), "out_of_range"),
    "a period that ends before it begins": ("/expenditures", expenditure("w", served_to="2025-08-31"), "empty_period"),
    "an unknown kind of evidence": ("/expenditures", expenditure("w", kind="receipt"), "unknown_value"),
}


@pytest.mark.parametrize(("path", "item", "code"), WRONG.values(), ids=WRONG.keys())
async def test_an_item_that_breaks_its_rule_is_refused_and_stops_nobody(
    keeper: KeyClient, path: str, item: object, code: str
) -> None:
    known = {"/entities": entity(), "/facilities": facility(), "/chips": chip()}.get(path)
    answer = good(await keeper.put(path, [item, known] if known else [item]))
    assert codes(answer) == [(0, "refused", code)]
    assert answer["duplicate"] == (1 if known else 0)


WRITTEN = {
    "a key twice": (b'[{"uscc": "a", "uscc": "b"}]', "duplicate_key"),
    "a key twice, deep down": (
        json.dumps([entity(uscc(115))])
        .encode()
        .replace(b'"valid_from"', b'"bank_account": {"bank":"a","bank":"b"}, "valid_from"'),
        "duplicate_key",
    ),
    "minus nought": (json.dumps([expenditure("z")]).encode().replace(b"1000,", b"-0,"), "out_of_range"),
    "NaN": (json.dumps([expenditure("z")]).encode().replace(b"1000,", b"NaN,"), "wrong_type"),
    "five thousand digits": (
        json.dumps([expenditure("z")]).encode().replace(b"1000,", b"9" * 5000 + b","),
        "out_of_range",
    ),
}


@pytest.mark.parametrize(("body", "code"), WRITTEN.values(), ids=WRITTEN.keys())
async def test_what_json_would_lose_is_refused(keeper: KeyClient, body: bytes, code: str) -> None:
    path = "/expenditures" if b"served_from" in body else "/entities"
    assert good(await keeper.put(path, body))["results"][0]["code"] == code


BODIES = {
    "nothing": (b"", 400, "not_json"),
    "an object": (b"{}", 400, "not_an_array"),
    "not UTF-8": (b'["\xff"]', 400, "not_utf8"),
    "a hundred thousand brackets": (b"[" * 100_000, 400, "not_json"),
    "an item too many": (b"[" + b"1," * 10_000 + b"1]", 413, "too_many_items"),
    "a million values too many": (b'[{"name": [' + b"[]," * 1_000_001 + b"[]]}]", 413, "too_many_values"),
    "more than 32 MiB": (b" " * (32 * 1024 * 1024 + 1), 413, "body_too_large"),
}


@pytest.mark.parametrize(("body", "status", "code"), BODIES.values(), ids=BODIES.keys())
async def test_what_is_no_array_is_refused_as_a_whole(keeper: KeyClient, body: bytes, status: int, code: str) -> None:
    assert problem(await keeper.put("/entities", body)) == (status, code)


async def test_another_content_type_is_415_and_a_packed_body_is_unpacked(app: ApiClient, keeper: KeyClient) -> None:
    headers = {"Authorization": f"Bearer {keeper.key}"}
    answer = await app.client.put("/v1/chips", content=b"[]", headers=headers | {"Content-Type": "text/csv"})
    assert problem(answer) == (415, "unsupported_media_type")
    foreign = headers | {"Content-Type": "application/json; charset=gbk"}
    answer = await app.client.put("/v1/chips", content=b"[]", headers=foreign)
    assert problem(answer) == (415, "unsupported_charset")
    import gzip

    packed = headers | {"Content-Type": JSON, "Content-Encoding": "gzip"}
    answer = await app.client.put("/v1/chips", content=gzip.compress(b"[]"), headers=packed)
    assert counts(good(answer)) == [0, 0, 0, 0]


async def test_holdings_above_one_are_refused_on_the_day_it_would_happen(keeper: KeyClient) -> None:
    a, b, c, held = (uscc(n) for n in (120, 121, 122, 123))
    await accepted(keeper, "/holdings", holding(a, held, "0.6", to="2024-01-01"), holding(b, held, "0.4"))
    answer = good(await keeper.put("/holdings", [holding(c, held, "0.1")]))
    assert codes(answer) == [(0, "refused", "holdings_above_one")]
    await accepted(keeper, "/holdings", holding(c, held, "0.6", **{"from": "2024-01-01"}))


async def test_a_later_word_on_one_holding_replaces_the_earlier(keeper: KeyClient) -> None:
    a, b, held = (uscc(n) for n in (125, 126, 127))
    await accepted(keeper, "/holdings", holding(a, held, "1"))
    assert codes(good(await keeper.put("/holdings", [holding(b, held, "0.5")])))[0][2] == "holdings_above_one"
    await accepted(keeper, "/holdings", holding(a, held, "0.5"), holding(b, held, "0.5"))


async def test_the_warning_is_raised_by_the_facility_when_the_holding_came_first(keeper: KeyClient) -> None:
    company, parent = uscc(130), uscc(131)
    assert (await accepted(keeper, "/holdings", holding(parent, company, "0.25")))["warnings"] == []
    answer = await accepted(keeper, "/facilities", facility("warn-1", owners=[{"uscc": company, "share": "1"}]))
    assert [(one["index"], one["code"]) for one in answer["warnings"]] == [(0, "OWNER_HAS_HOLDERS")]
    assert company in answer["warnings"][0]["detail"]


async def test_the_warning_is_raised_by_the_holding_when_the_facility_came_first(keeper: KeyClient) -> None:
    company = uscc(132)
    answer = await accepted(keeper, "/facilities", facility("warn-2", owners=[{"uscc": company, "share": "1"}]))
    assert answer["warnings"] == []
    below, at = holding(uscc(133), company, "0.2499"), holding(uscc(134), company, "0.25")
    answer = await accepted(keeper, "/holdings", below, at)
    assert [(one["index"], one["code"]) for one in answer["warnings"]] == [(1, "OWNER_HAS_HOLDERS")]


async def test_a_new_facility_is_known_to_the_next_record(app: ApiClient, keeper: KeyClient) -> None:
    platform = await app.platform()
    for i in range(5):
        await accepted(keeper, "/facilities", facility(f"at-once-{i}"))
        assert (await platform.push(usage(f"r{i}", facility=f"at-once-{i}")))["accepted"] == 1


async def test_a_facility_that_has_ended_takes_no_more_records(app: ApiClient, keeper: KeyClient) -> None:
    platform = await app.platform()
    await accepted(keeper, "/facilities", facility("ended", valid_to="2025-09-01"))
    assert await platform.code(usage("after", facility="ended")) == "facility_not_ruling_on_day"
    last = usage("last", facility="ended", started_at="2025-08-31T23:59:59+08:00")
    assert await platform.code(last) is None


async def test_lists_come_in_portions_in_order_of_recording(keeper: KeyClient) -> None:
    await accepted(keeper, "/chips", *(chip(f"portion-{i:02}") for i in range(25)))
    everything = await all_items(keeper, "/chips")
    seen: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = good(await keeper.get("/chips", limit=7, cursor=cursor))
        seen += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == everything
    assert [one["chip"] for one in everything][-25:] == [f"portion-{i:02}" for i in range(25)]


@pytest.mark.parametrize(
    "as_of",
    [
        "yesterday",
        "2025-01-01T00:00:00",
        "2025-99-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
    ],
)
async def test_as_of_is_an_instant_with_an_offset(keeper: KeyClient, as_of: str) -> None:
    assert problem(await keeper.get("/entities", as_of=as_of)) == (400, "bad_time")


async def test_rare_names_survive_unchanged(keeper: KeyClient) -> None:
    names = [
        "𠮷林省算力有限公司",
        "é (NFC) and é (NFD)",
        "=HYPERLINK(1)",
        "🖥️ 算力",
        "\u202eabc",
        "O'Brien\"; drop table entry;--",
    ]
    await accepted(keeper, "/entities", *(entity(uscc(140 + i), name=name) for i, name in enumerate(names)))
    shown = {one["uscc"]: one["name"] for one in await all_items(keeper, "/entities")}
    assert [shown[uscc(140 + i)] for i in range(len(names))] == names
