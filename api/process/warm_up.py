"""Compiling the kernels ahead of use: once an installation, so that neither a first record nor a first test waits."""

from __future__ import annotations

from meter.intake.warm_up import warm_up as warm_up_intake
from meter.journal.warm_up import warm_up as warm_up_journal
from settlement.jobs.worlds.run import run_world

_PARTY = "91340100MA0020016K"
_HOUR = {"started_at": "2025-10-01T23:30:00+08:00", "ended_at": "2025-10-02T00:30:00+08:00"}


def warm_up_settlement() -> None:
    """Settle a world of one record. Raises AssertionError when the award is not what the rules say."""
    world = {
        "id": "warm-up",
        "round": "anhui-2026",
        "order": {"rate": "0.20"},
        "entities": [
            {
                "uscc": _PARTY, "name": "预热", "kind": "enterprise", "independent_legal_person": True,
                "region": "340100", "ai_enterprise": True, "state_body": False, "valid_from": "2020-01-01",
            }
        ],
        "facilities": [
            {
                "id": "f", "name": "f", "region": "340100", "intelligent": True, "valid_from": "2020-01-01",
                "owners": [{"uscc": "91340100MA0090014K", "share": "1"}],
            }
        ],
        "chips": [{"chip": "c", "tflops_fp16": "320", "source": "s", "valid_from": "2020-01-01"}],
        "holdings": [
            {"holder": _PARTY, "held": "91340100MA0020382F", "share": "0.3", "from": "2020-01-01", "document": "d"}
        ],
        "usage": [
            {"id": "a", "consumer": _PARTY, "facility": "f", "chip": "c", "cards": 1, "charge_fen": 1000,
             "purpose": "research", **_HOUR}
        ],
    }  # fmt: skip
    assert run_world(world)["got"]["lines"][_PARTY]["award_fen"] == 200


def warm_up() -> None:
    """Compile everything that a service and a settlement use; a second or two when it is compiled already."""
    warm_up_intake()
    warm_up_journal()
    warm_up_settlement()
