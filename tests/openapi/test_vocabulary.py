"""Every closed list in the document is one that the code knows: a word that is added there is added here."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any

from api.actions import payouts
from api.queue.kinds import KINDS as JOB_KINDS
from api.queue.tables import STATES as JOB_STATES
from api.schemas.codes import ITEM_CODES, RECORD_CODES
from meter import vocabulary as measured
from meter.registry import accounts, warnings
from settlement import vocabulary as decided
from settlement.award.yinchuan import FIELDS as FIELDS_OF_ARTICLE
from settlement.checkpoint import proof
from settlement.payout import reconcile
from settlement.report import FORMATS, LAYOUTS
from settlement.rounds.reading_table import DEFAULTS, choices
from settlement.store import changes
from tests.openapi.described import document, operations

RECEIVED = ("accepted", "duplicate", "conflict", "refused")
ALONE = ("ok", "ready", "1.0", "void", "ACCOUNT_MISSING", proof.FORMAT)
"""Words that stand where there is no choice."""
WARNINGS = re.findall(r'"code": "(\w+)"', "".join(inspect.getsource(module) for module in (warnings, accounts)))
LISTS: dict[str, Sequence[str]] = {
    r"GET /v1/quarantine status": measured.QUARANTINE_STATUSES,
    r"GET .*/lines status": decided.OUTCOMES,
    r"(GET /v1/jobs|Job) kind": tuple(JOB_KINDS),
    r"(GET /v1/jobs|Job) state": JOB_STATES,
    r"(Award|Row)?Proof kind": ("batch", "audit"),
    r"GET .*/findings kind": measured.FINDING_KINDS,
    r"GET .*/report\.{kind} kind": FORMATS,
    r"GET .*/report\.{kind} layout": LAYOUTS,
    r"AccountProposal status": measured.ACCOUNT_STATUSES,
    r"Application article": tuple(FIELDS_OF_ARTICLE),
    r"Change kind": re.findall(r"(?:ordinal|0), '(\w+)'", changes._CHANGES),
    r"ClawbackEvent event": decided.CLAWBACK_EVENTS,
    r"Clawback(Event|Proposal) kind": decided.CLAWBACK_KINDS,
    r"(ClawbackInFull|DecidedClawback) status": decided.CLAWBACK_STATUSES,
    r"(Correction|UsageRecord) action": tuple(measured.ACTIONS),
    r"(Recorded)?Entity kind": measured.ENTITY_KINDS,
    r"(Recorded)?Expenditure kind": measured.EXPENDITURE_KINDS,
    r"Finding kind": measured.FINDING_KINDS,
    r"(Leased)?Instruction(Refused)? (status|proposed)": decided.PAYOUT_STATUSES,
    r"PayoutEvent (before|after)": decided.PAYOUT_STATUSES,
    r"PayoutDecision outcome": payouts.OUTCOMES,
    r"RunItem status": decided.PAYOUT_STATUSES,
    r"BankDifference status": decided.PAYOUT_STATUSES,
    r"BankDifference kind": reconcile.KINDS,
    r"(LineNote|Explained) kind": decided.NOTE_KINDS,
    r"PayoutRun status": decided.RUN_STATUSES,
    r"RunEvent event": decided.RUN_EVENTS,
    r"(RuleProposal|PayoutRule) leases": decided.PAYOUT_LEASES,
    r"(ItemResult|RecordResult) status": RECEIVED,
    r"ItemResult code": ITEM_CODES,
    r"(KeptTry|QuarantinedRecord|StoredResult) status": measured.QUARANTINE_STATUSES,
    r"(KeptTry|QuarantinedRecord|StoredResult|RecordResult) code": RECORD_CODES,
    r"(RecordedUse|UsageRecord|VoidRecord) purpose": tuple(measured.PURPOSES),
    r"RegistryWarning code": WARNINGS,
    r"Review decision": decided.REVIEW_DECISIONS,
    r"Ruling decision": decided.RULINGS,
    r"Settlement(InFull)? status": decided.STATUSES,
    r"SettlementEvent event": decided.EVENTS,
} | {f"Readings(InForce)? {name}": choices(name) for name in DEFAULTS}


def lists_in(part: Any, at: str) -> Iterator[tuple[str, list[str]]]:
    """Every closed list of a part of the document with the schema and property, or the parameter, it is of."""
    if isinstance(part, list):
        for one in part:
            yield from lists_in(one, at)
    if not isinstance(part, dict):
        return
    if "enum" in part or "const" in part:
        yield at, [word for word in part.get("enum", [part.get("const")]) if word is not None]
    for name, one in part.items():
        if name not in ("example", "examples", "properties"):
            yield from lists_in(one, at)
    for name, one in part.get("properties", {}).items():
        yield from lists_in(one, f"{at} {name}")


def all_lists() -> Iterator[tuple[str, list[str]]]:
    """The closed lists of every schema and of every parameter; those of error codes have tests of their own."""
    for name, schema in document()["components"]["schemas"].items():
        yield from lists_in(schema, name)
    for method, path, told in operations():
        for parameter in told["parameters"]:
            yield from lists_in(parameter["schema"], f"{method} {path} {parameter['name']}")


def test_every_closed_list_is_the_one_that_the_code_knows() -> None:
    found = list(all_lists())
    assert len(found) > 60
    strange, used = [], set()
    for at, words in found:
        names = [name for name in LISTS if re.fullmatch(name, at)]
        used |= set(names)
        if names:
            assert sorted(words) == sorted(LISTS[names[0]]), at
        elif not (len(words) == 1 and words[0] in ALONE):
            strange.append(at)
    assert strange == [], "name the list of the code that these words come from"
    assert set(LISTS) - used == set(), "no such list is in the document"
