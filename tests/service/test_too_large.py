"""One consumer's records that add up beyond 64 bits stop neither totals nor settlements of anybody else."""

from __future__ import annotations

import pytest

from meter.intake.limits import CHARGE_FEN
from settlement.explain.operations import replay
from tests.service.province import HEFEI, NORTH, SUPPLIER, UNKNOWN, send_province
from tests.support.api_client import ApiClient, good
from tests.support.records import usage
from tests.support.worlds import every_line, post

RECORDS = 9_500


@pytest.mark.parametrize("round_", ["anhui-2026", "anhui-2025"])
async def test_who_cannot_be_added_up_is_refused_alone(app: ApiClient, round_: str) -> None:
    platform = await send_province(app) if round_ == "anhui-2026" else await app.platform("dispatch")
    large = [
        usage(f"large-{i}", consumer=UNKNOWN, facility="hub", chip="unit", cards=10**6, charge_fen=CHARGE_FEN)
        for i in range(RECORDS)
    ]
    await platform.push(*large)
    clerk = await app.holder("settlement:run", "report:read", "usage:read")
    answer = await post(clerk, "/settlements", {"round": round_, "order": {"rate": "0.20"}})
    assert answer.status_code == 201, answer.text
    settled = answer.json()
    if round_ == "anhui-2025":
        assert settled["totals"]["charge_outside_window_fen"] > 2**63
        return
    assert settled["totals"]["charge_in_window_fen"] == RECORDS * CHARGE_FEN + 2_500_003
    lines = {line["uscc"]: line for line in await every_line(clerk, settled["id"])}
    assert (lines[NORTH]["award_fen"], lines[HEFEI]["award_fen"], lines[SUPPLIER]["award_fen"]) == (
        200_000,
        100_000,
        120_000,
    )
    assert "USE_TOO_LARGE" in lines[UNKNOWN]["reasons"]
    assert (lines[UNKNOWN]["award_fen"], lines[UNKNOWN]["held_fen"], lines[UNKNOWN]["payable_fen"]) == (0, 0, 0)
    shown = good(await clerk.get(f"/settlements/{settled['id']}/lines/{UNKNOWN}"))
    assert replay(shown["steps"])["award_fen"] == 0
    assert good(await clerk.get(f"/settlements/{settled['id']}/verify"))["equal"]
    for form in ("json", "csv", "xlsx", "parquet"):
        assert (await clerk.get(f"/settlements/{settled['id']}/report.{form}")).status_code == 200, form
    totals = await clerk.items("/usage-totals", by="consumer")
    found = {one["consumer"]: one["charge_fen"] for one in totals}
    assert (found[NORTH], found[UNKNOWN]) == (1_000_000, RECORDS * CHARGE_FEN + 10_000)
