"""An example journal that has everything a digest can cover, made once a run and copied for every tampering."""

from __future__ import annotations

from tests.support.api_client import ApiClient, KeyClient, counts
from tests.support.records import (
    ARROW,
    NDJSON,
    as_arrow,
    as_lines,
    chip,
    entity,
    expenditure,
    facility,
    holding,
    usage,
    uscc,
    void,
)


async def fill(door: ApiClient) -> None:
    """Two sources, every kind of batch, quarantine, corrections, a replay, names that are new in every way."""
    registrar = await door.register_the_usual()
    one, two = await door.platform("one"), await door.platform("two")
    account = {"bank": "示例银行", "account": "6222", "holder": "示例单位"}
    await registrar.put("/entities", [entity(uscc(20), bank_account=account), entity(uscc(21), name="王‟氏")])
    await registrar.put("/holdings", [holding(uscc(20), uscc(21), "0.250000001", to="2026-01-01")])
    owners = [{"uscc": uscc(22), "share": "0.4"}, {"uscc": uscc(20), "share": "0.60"}]
    capacity = [{"chip": "card-a", "cards": 8, "from": "2020-01-01"}]
    await registrar.put("/facilities", [facility("hf-02", owners=owners, operator=uscc(23), capacity=capacity)])
    await registrar.put("/expenditures", [expenditure("x1"), expenditure("x2", amount_fen=-5)])
    await one.put("/control-totals", [{"day": "2025-09-01", "records": 3, "charge_fen": 300}])
    await one.send(as_lines([usage(f"a{i}", charge_fen=i) for i in range(50)]), NDJSON)
    await two.send(as_arrow([usage(f"a{i}", consumer=uscc(30 + i), cards="0.5") for i in range(5)]), ARROW)
    await unknown_consumers(one)
    await one.push(usage("c1", corrects="a1", action="replace", charge_fen=9), void("c2", "c1"), void("c3", "a2"))
    await two.push(usage("late", facility="hf-03"), usage("bad", cards=0), usage("late2", chip="card-z"))
    await registrar.put("/facilities", [facility("hf-03"), facility("hf-04")])
    await registrar.put("/chips", [chip("card-z", tflops_fp16="0.000001"), chip("card-y")])
    assert (await two.replay())["accepted"] == 2
    for i in range(3):
        await one.push(usage(f"single-{i}"))


async def unknown_consumers(one: KeyClient) -> None:
    """Conflicts of consumers never seen before: kept the first time, and numbered only with a batch."""
    strange = usage("a0", consumer=uscc(50))
    assert counts(await one.push(strange)) == [0, 0, 1, 0]
    assert counts(await one.push(strange)) == [0, 0, 1, 0]
    assert counts(await one.push(usage("a3", consumer=uscc(51)), usage("fresh", consumer=uscc(52)))) == [1, 0, 1, 0]
    assert counts(await one.push(usage("fresh2", consumer=uscc(51)))) == [1, 0, 0, 0]
