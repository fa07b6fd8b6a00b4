"""Settles what it reads from standard input, and writes the digests: run in processes of other kinds than the tests'.

The input is pickled: (inputs, round, order, readings) of each settlement. With `shuffled` the rows of every frame whose
order means nothing come in another order.
"""

from __future__ import annotations

import dataclasses
import json
import pickle
import sys

from settlement.compute.settle import settle
from settlement.errors import SettlementRefused
from settlement.inputs.frames import Inputs
from settlement.rounds import load_rounds

ORDERED = {"parties", "facilities", "chips"}
"""Their rows are numbered from 0 on."""


def shuffled(inputs: Inputs) -> Inputs:
    """The same inputs with their rows in another order; what was recorded when is a column, and stays."""
    frames = {
        field.name: getattr(inputs, field.name).sample(fraction=1, shuffle=True, seed=7)
        for field in dataclasses.fields(inputs)
        if hasattr(getattr(inputs, field.name), "sample") and field.name not in ORDERED
    }
    return dataclasses.replace(inputs, **frames)


def main() -> None:
    """Settle all."""
    rounds, digests = load_rounds(), []
    for inputs, round_name, order, readings in pickle.load(sys.stdin.buffer):  # noqa: S301 - what the test wrote
        given = shuffled(inputs) if "shuffled" in sys.argv else inputs
        try:
            digests.append(settle(given, rounds[round_name], order, readings).digest)
        except SettlementRefused as refused:
            digests.append(refused.code)
    json.dump(digests, sys.stdout)


if __name__ == "__main__":
    main()
