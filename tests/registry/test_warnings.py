"""What a PUT points out though it accepts it, codes of every registrar, and dates at their ends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.registry.test_put import accepted, keeper
from tests.support.api_client import ApiClient, KeyClient, codes, counts, good
from tests.support.records import chip, entity, expenditure, facility, holding, usage, uscc

__all__ = ["keeper"]


def details(answer: dict[str, Any]) -> list[tuple[int, str]]:
    """The warnings of facts that change nothing: their places, and how their details begin."""
    found = [one for one in answer["warnings"] if one["code"] == "CHANGES_NOTHING"]
    return [(one["index"], one["detail"].split(" (")[0]) for one in found]


async def test_a_fact_with_a_later_start_on_record_is_accepted_and_said_to_change_nothing(keeper: KeyClient) -> None:
    code = uscc(136)
    attested = entity(code, ai_enterprise=True, valid_from="2024-01-01")
    answer = await accepted(keeper, "/entities", entity(code, ai_enterprise=None, valid_from="2025-01-01"))
    assert answer["warnings"] == []
    first = await accepted(keeper, "/entities", attested)
    assert details(first) == [(0, "this fact is in force from 2024-01-01 until 2025-01-01 only")]
    again = good(await keeper.put("/entities", [attested]))
    assert counts(again) == [0, 1, 0, 0]
    assert details(again) == details(first), "a repeat is answered alike"
    ended = entity(code, name="earlier", valid_from="2023-01-01", valid_to="2023-06-01")
    since_ever = {name: value for name, value in entity(code, name="oldest").items() if name != "valid_from"}
    assert details(await accepted(keeper, "/entities", ended, since_ever)) == [
        (0, "this fact is in force from 2023-01-01 until 2023-06-01 only"),
        (1, "this fact is in force since ever until 2023-01-01 only"),
    ]
    assert details(await accepted(keeper, "/entities", entity(code, valid_from="2026-01-01"))) == []


async def test_a_history_in_order_changes_what_it_says_and_a_word_taken_back_at_once_never_does(
    keeper: KeyClient,
) -> None:
    history = [facility("history", valid_from=f"{year}-01-01") for year in ("2020", "2022", "2024")]
    assert details(await accepted(keeper, "/facilities", *history)) == []
    assert details(good(await keeper.put("/facilities", history))) == []
    never, instead = (chip("taken-back", tflops_fp16=rating) for rating in ("1", "2"))
    assert details(await accepted(keeper, "/chips", never, instead)) == [
        (0, "this fact is never in force: another with the same start was recorded after it")
    ]
    a, held = uscc(137), uscc(138)
    late, early = holding(a, held, "0.5", **{"from": "2025-01-01"}), holding(a, held, "0.4", **{"from": "2024-01-01"})
    assert details(await accepted(keeper, "/holdings", late, early)) == [
        (1, "this fact is in force from 2024-01-01 until 2025-01-01 only")
    ]


@pytest.mark.parametrize("code", ["N2340100MF0000001D", "Y1340100MB00000010", "A1340100MB0000001L"])
async def test_codes_of_every_registrar_are_taken_at_every_door(app: ApiClient, keeper: KeyClient, code: str) -> None:
    platform = await app.platform()
    await accepted(keeper, "/entities", entity(code))
    owned = facility(f"of-{code}", owners=[{"uscc": code, "share": "1"}], operator=code)
    await accepted(keeper, "/facilities", owned)
    await accepted(keeper, "/holdings", holding(uscc(139), code, "0.1"), holding(code, uscc(135), "0.1"))
    await accepted(keeper, "/expenditures", expenditure(f"of-{code}", consumer=code))
    assert await platform.code(usage("whose", facility=f"of-{code}", consumer=code)) is None


async def test_dates_reach_from_1900_to_the_day_that_means_no_end(keeper: KeyClient) -> None:
    code = uscc(134)
    await accepted(keeper, "/entities", entity(code, valid_from="1900-01-01", valid_to="9999-12-31"))
    await accepted(keeper, "/chips", chip("dates", valid_from="1900-01-01"))
    spent = expenditure("dates", served_from="1900-01-01", served_to="9999-12-31")
    await accepted(keeper, "/expenditures", spent)
    for day in ("1899-12-31", "0001-01-01", "0000-01-01", "10000-01-01", "9999-12-32", "２０２５-01-01"):
        answer = good(await keeper.put("/entities", [entity(code, valid_from=day)]))
        assert codes(answer) == [(0, "refused", "bad_date")], day
