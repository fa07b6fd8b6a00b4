"""A refusal of the registry names the rule behind it: measuring says what is wrong, deciding says the rule."""

from __future__ import annotations

import pytest

from settlement.vocabulary import RULE_BEHIND
from tests.support.api_client import KeyClient, good
from tests.support.records import OWNER, facility, holding, uscc

CASES: dict[tuple[str, str], tuple[str, object]] = {
    ("facilities", "share"): ("share must lie between", facility("w", owners=[{"uscc": OWNER, "share": "1.01"}])),
    ("facilities", "shares_do_not_sum_to_one"): ("exactly 1", facility("w", owners=[])),
    ("holdings", "share"): ("share must lie between", holding(uscc(1), OWNER, "1.01")),
    ("holdings", "holdings_above_one"): ("held above 100 %", holding(uscc(117), uscc(118), "0.6")),
}


@pytest.mark.parametrize(("behind", "case"), CASES.items(), ids=[" ".join(behind) for behind in CASES])
async def test_a_refusal_names_the_rule_behind_it(
    registrar: KeyClient, behind: tuple[str, str], case: tuple[str, object]
) -> None:
    kind, (words, item) = behind[0], case
    await registrar.put("/holdings", [holding(uscc(119), uscc(118), "0.5")])
    detail = good(await registrar.put(f"/{kind}", [item]))["results"][0]["detail"]
    assert words in detail
    assert detail.endswith(f" ({RULE_BEHIND[behind]})")
    assert set(RULE_BEHIND) == set(CASES)
