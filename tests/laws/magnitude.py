"""Worlds at the limits of intake: a million cards, ten million million yuan, ratings with six decimals."""

from typing import Any

from tests.laws.chance import Chance

MOST_CHARGE_FEN = 10**15


def magnified(chance: Chance, world: dict[str, Any]) -> dict[str, Any]:
    """The same world with large and odd numbers; what is refused stays refused."""
    for record in world["usage"]:
        charge_fen = record.get("charge_fen")
        if isinstance(charge_fen, int) and not isinstance(charge_fen, bool) and charge_fen > 0:
            record["charge_fen"] = chance.one(
                [MOST_CHARGE_FEN, MOST_CHARGE_FEN - 1, chance.magnitude(13, 15), charge_fen]
            )
        if record.get("cards") in (10, 40, 100, "99.999"):
            record["cards"] = chance.one([10**6, "999999.999", chance.number(10**5, 10**6)])
    for chip in world["chips"]:
        chip["tflops_fp16"] = chance.one(["999999.999999", "123456.789012", "0.000001", chip["tflops_fp16"]])
    for paper in world["expenditures"]:
        amount_fen = paper["amount_fen"] * chance.one([1, 1_000, 1_000_000])
        paper["amount_fen"] = max(-MOST_CHARGE_FEN, min(MOST_CHARGE_FEN, amount_fen))
    if "budget_fen" in world["order"]:
        world["order"]["budget_fen"] *= chance.one([1, 10_000, 1_000_000])
    return world
