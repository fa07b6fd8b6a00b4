"""Corrections (R-CORR): replace and void, chains of them, and the ones that are refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.api_client import ApiClient, KeyClient, codes, counts, good
from tests.support.records import NDJSON, as_lines, usage, void


def replace(name: str, corrects: str, **changes: Any) -> dict[str, Any]:
    """A replacement of a record."""
    return usage(name, corrects=corrects, action="replace", **changes)


async def totals(door: ApiClient) -> tuple[str, int, int]:
    """Card hours, fen and records of everything that counts."""
    reader = await door.holder("usage:read")
    items = await reader.items("/usage-totals")
    return (items[0]["card_hours"], items[0]["charge_fen"], items[0]["records"]) if items else ("0", 0, 0)


async def test_a_replacement_counts_instead(app: ApiClient, platform: KeyClient) -> None:
    hours, fen, records = await totals(app)
    await platform.push(usage("r0", charge_fen=500))
    assert counts(await platform.push(replace("r1", "r0", charge_fen=300))) == [1, 0, 0, 0]
    assert await totals(app) == (str(int(hours) + 1), fen + 300, records + 1)
    first = good(await platform.get(f"/usage-records/{platform.name}/r0"))
    second = good(await platform.get(f"/usage-records/{platform.name}/r1"))
    assert (first["counts"], second["counts"]) == (False, True)
    assert first["corrected_by"] == {"id": "r1", "batch": second["batch"], "action": "replace"}
    assert second["corrects"] == {"id": "r0", "batch": first["batch"], "action": "replace"}


async def test_a_void_leaves_nothing_even_of_a_replacement(app: ApiClient, platform: KeyClient) -> None:
    before = await totals(app)
    await platform.push(usage("v0"), replace("v1", "v0", charge_fen=1), void("v2", "v1"))
    assert await totals(app) == before
    shown = good(await platform.get(f"/usage-records/{platform.name}/v2"))
    assert shown["counts"] is False
    assert "recorded" not in shown


async def test_a_chain_of_replacements_counts_its_last(app: ApiClient, platform: KeyClient) -> None:
    _, fen, records = await totals(app)
    await platform.push(usage("c0"))
    for i in range(1, 6):
        assert counts(await platform.push(replace(f"c{i}", f"c{i - 1}", charge_fen=1000 + i))) == [1, 0, 0, 0]
    assert (await totals(app))[1:] == (fen + 1005, records + 1)


WRONG = {
    "something unknown": ([], void("x", "nobody"), "corrects_unknown_record"),
    "a void": ([usage("a"), void("b", "a")], void("x", "b"), "corrects_void_record"),
    "what is already replaced": ([usage("a"), replace("b", "a")], replace("x", "a"), "already_corrected"),
    "what is already voided": ([usage("a"), void("b", "a")], void("x", "a"), "already_corrected"),
}


@pytest.mark.parametrize(("given", "record", "code"), WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "in two batches"])
async def test_only_the_latest_version_can_be_corrected(
    platform: KeyClient, given: list[dict[str, Any]], record: dict[str, Any], code: str, together: bool
) -> None:
    if together:
        receipt = await platform.push(*given, record)
    else:
        if given:
            assert counts(await platform.push(*given)) == [len(given), 0, 0, 0]
        receipt = await platform.push(record)
    assert codes(receipt) == [(receipt["received"] - 1, "refused", code)]


async def test_another_sources_record_cannot_be_corrected(app: ApiClient, platform: KeyClient) -> None:
    await platform.push(usage("mine"))
    other = await app.platform()
    assert await other.code(void("x", "mine")) == "corrects_unknown_record"


async def test_a_correction_repeated_is_a_duplicate(platform: KeyClient) -> None:
    await platform.push(usage("d0"), void("d1", "d0"))
    assert counts(await platform.push(void("d1", "d0"))) == [0, 1, 0, 0]
    assert counts(await platform.push(usage("d0"))) == [0, 1, 0, 0]
    assert counts(await platform.push(void("d1", "other"))) == [0, 0, 1, 0]


async def test_a_void_that_states_measured_fields_is_the_same_void(platform: KeyClient) -> None:
    await platform.push(usage("w0"), void("w1", "w0"))
    full = {**usage("w1"), "corrects": "w0", "action": "void"}
    assert counts(await platform.push(full)) == [0, 1, 0, 0]


async def test_a_refused_correction_does_not_use_up_its_id(platform: KeyClient) -> None:
    assert await platform.code(void("late", "later")) == "corrects_unknown_record"
    await platform.push(usage("later"))
    assert counts(await platform.push(void("late", "later"))) == [1, 0, 0, 0]


async def test_a_thousand_corrections_in_one_batch(app: ApiClient, platform: KeyClient) -> None:
    before = await totals(app)
    await platform.send(as_lines([usage(f"k{i}") for i in range(1000)]), NDJSON)
    receipt = good(await platform.send(as_lines([void(f"kv{i}", f"k{i}") for i in range(1000)]), NDJSON))
    assert counts(receipt) == [1000, 0, 0, 0]
    assert await totals(app) == before
