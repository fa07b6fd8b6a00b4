"""Running a world: its settlement, and whether it is what the world expects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from settlement.compute.settle import settle
from settlement.compute.settlement import Settlement
from settlement.compute.shapes import line_dict
from settlement.errors import SettlementRefused
from settlement.jobs.worlds.expected import compare_expected
from settlement.jobs.worlds.inputs import inputs_of
from settlement.jobs.worlds.read import World, check_shape
from settlement.rounds import Round, load_rounds
from settlement.rounds.readings import read_order, read_readings


def run_world(
    world: World,
    *,
    readings: Mapping[str, Any] | None = None,
    rounds: Mapping[str, Round] | None = None,
) -> dict[str, Any]:
    """Settle one world: {id, ok, got, differences}; `readings` are put over those of the world.

    `got` is {ingest, lines, totals, digest} (and matches), or {refused} with `detail` beside it; `ok` says whether
    `expected` holds.
    """
    got: dict[str, Any]
    try:
        if readings:
            check_shape(world)
            world = {**world, "readings": {**(world.get("readings") or {}), **readings}}
        settlement, ingest = settle_world(world, rounds)
        got = {
            "ingest": ingest,
            "lines": {row["uscc"]: line_dict(settlement, row) for row in settlement.lines.iter_rows(named=True)},
            "totals": settlement.totals,
            "digest": settlement.digest,
        }
        if settlement.matches:
            got["matches"] = {
                match.id: {"award_fen": match.award_fen, "reasons": list(match.reasons)} for match in settlement.matches
            }
        detail = {}
    except SettlementRefused as refused:
        got = {"refused": refused.code}
        detail = {"detail": refused.detail}
    differences = compare_expected(world.get("expected") or {}, got)
    return {"id": world["id"], "ok": not differences, "got": got, "differences": differences, **detail}


def settle_world(world: World, rounds: Mapping[str, Round] | None = None) -> tuple[Settlement, dict[str, int]]:
    """Return the settlement of a world and its ingest counts. Raises SettlementRefused."""
    check_shape(world)
    known = rounds or load_rounds()
    if world.get("round") not in known:
        raise SettlementRefused(
            "UNKNOWN_ROUND", f"there is no round '{world.get('round')}'; there are {', '.join(known)}"
        )
    of_round = known[world["round"]]
    order = read_order(world.get("order"), of_round)  # order of evaluation: the rate is checked first
    read_readings(world.get("readings"), order, of_round)
    inputs, ingest = inputs_of(world)
    return settle(inputs, of_round, world.get("order"), world.get("readings")), ingest
