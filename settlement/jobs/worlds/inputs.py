"""The inputs that a world settles from."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

from meter.intake.registry_view.catalogue import DatedCode
from meter.intake.registry_view.registered import Registered
from settlement.inputs.frames import Inputs
from settlement.jobs.worlds.facts import Ranks, Registry, day_number_of, facts_of, frame_of, items_of, rows_of
from settlement.jobs.worlds.journal import journal_of, use_of
from settlement.jobs.worlds.read import REGISTRY, World
from settlement.numbers.exact import objects


def inputs_of(world: World) -> tuple[Inputs, dict[str, int]]:
    """Return the settlement's inputs of a world, its usage taken in like the service does, and the ingest counts."""
    registry = {name: items_of(world, name) for name in REGISTRY}
    applications = objects(world.get("applications") or [], "APPLICATION_INVALID", "an application")
    facility_codes = sorted({item["id"] for item in registry["facilities"]})
    chip_codes = sorted({item["chip"] for item in registry["chips"]})
    facilities = {code: rank for rank, code in enumerate(facility_codes)}
    chips = {code: rank for rank, code in enumerate(chip_codes)}
    registered = Registered.of(
        0,
        [_dated(item["id"], facilities[item["id"]] + 1, item) for item in registry["facilities"]],
        [_dated(item["chip"], chips[item["chip"]] + 1, item) for item in registry["chips"]],
    )
    journal = journal_of(world.get("usage") or [], registered)
    spans = [pair for versions in journal.conflicts for pair in product(versions, versions)]
    settled = (world.get("settled") or {}).get("lines") or {}
    named = (
        _named(registry)
        | {str(item.get("consumer")) for item in applications}
        | set(journal.consumers())
        | {span.consumer for span, _ in spans if span is not None}
        | set(settled)
    )
    parties = sorted(named)
    rank = {code: place for place, code in enumerate(parties)}
    conflicts = {
        (rank[who.consumer], when.started, when.ended) for who, when in spans if who is not None and when is not None
    }
    inputs = Inputs(
        parties=frame_of("parties", range(len(parties)), parties),
        facilities=frame_of("facilities", range(len(facility_codes)), facility_codes),
        chips=frame_of("chips", range(len(chip_codes)), chip_codes),
        use=use_of(journal, rank),
        **facts_of(registry, Ranks(rank, facilities, chips)),
        conflicts=rows_of("conflicts", sorted(conflicts)),
        settled_before=rows_of(
            "settled_before", sorted((rank[code], line["payable_fen"]) for code, line in settled.items())
        ),
        has_settled=world.get("settled") is not None,
        applications=applications,
        matches=objects(world.get("matches") or [], "MATCH_INVALID", "R-DC"),
    )
    return inputs, dict(journal.counts)


def _named(registry: Registry) -> set[str]:
    """Return the codes of all parties that the registry names."""
    return (
        {item["uscc"] for item in registry["entities"]}
        | {owner["uscc"] for item in registry["facilities"] for owner in item["owners"]}
        | {item["operator"] for item in registry["facilities"] if item["operator"]}
        | {item[side] for item in registry["holdings"] for side in ("holder", "held")}
        | {item["consumer"] for item in registry["expenditures"]}
    )


def _dated(code: str, number: int, item: Mapping[str, Any]) -> DatedCode:
    return DatedCode(code, number, day_number_of(item["valid_from"]), day_number_of(item["valid_to"]))
