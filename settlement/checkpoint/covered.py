"""What keeps each table of the database honest: the one place that says so, table by table.

Every table and every column stands in the proof by default or says here, with a reason, why it decides nothing.
`tests/security/test_covered.py` walks the catalogue and fails for a table that is not listed; `verify --checkpoint`
reports it. CONTRIBUTING.md tells what a new table needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final


class By(Enum):
    """What a table's rows are held against."""

    CHAIN = "the digest chain of batches"
    BATCH = "the leaf of the batch that it names in its column `batch`"
    NAMES = "the digest chain of batches, and the leaf of the last batch of a checkpoint"
    RECORD = "its rows in the audit log (or among what a migration adopted), the last one of each key"
    EVENTS = "what follows from the lines, the decisions and the events about it"
    LINES = "the root over a settlement's lines that the run put into the audit log"
    SCHEMA = "the fingerprint of the schema, rows included"
    TREE = "the root of the tree that the checkpoint signs"
    CHECKPOINT = "its digest in every checkpoint"
    NOTHING = "nothing: it decides nothing"


@dataclass(frozen=True)
class Covered:
    """How a table is covered: `columns` where they are covered one by one (chain, events, lines), else all of them.

    `aside` are columns left to something else or to nothing, each with the reason; `why` is a whole table's reason.
    """

    by: By
    columns: tuple[str, ...] = ()
    aside: Mapping[str, str] = field(default_factory=dict)
    why: str = ""


_RECORD: Final = Covered(By.RECORD)
_BATCH: Final = Covered(By.BATCH)
_NAMES: Final = Covered(By.NAMES)
_BY_HAND: Final = (By.CHAIN, By.EVENTS, By.LINES)

COVERED: Final[Mapping[str, Covered]] = {
    # the journal
    "batch": _BATCH,
    "entry": Covered(By.CHAIN, (
        "batch", "ordinal", "key", "source", "consumer", "facility", "chip", "millicards", "started_at", "ended_at",
        "charge_fen", "purpose", "via_platform", "action", "corrects", "order_digest", "evidence_digest")),
    "party": _NAMES,
    "facility": _NAMES,
    "chip": _NAMES,
    "batch_body": Covered(By.BATCH, aside={"body": "the chain covers it as it was received, however it is packed"}),
    "reversal": _BATCH,
    "quarantine": _BATCH,
    "quarantine_release": _BATCH,
    "entity_fact": _BATCH,
    "facility_fact": _BATCH,
    "facility_owner": _BATCH,
    "chip_fact": _BATCH,
    "holding_fact": _BATCH,
    "expenditure_fact": _BATCH,
    "control_total": _BATCH,
    "source": _RECORD,
    "archive_sealing": _RECORD,
    # what was decided
    "settlement": Covered(By.RECORD, aside={"status": "what its decisions come to"}),
    "settlement_line": Covered(By.LINES, (
        "settlement", "uscc", "name", "region", "outcome", "award_fen", "held_fen", "payable_fen", "adjustment_fen",
        "line", "working")),
    "settlement_line_group": Covered(By.LINES, ("settlement", "number", "first", "root")),
    "settlement_event": _RECORD,
    "settlement_account": _RECORD,
    "finding": _RECORD,
    "conflict_decision": _RECORD,
    "registry_entry": _RECORD,
    "registry_entry_event": _RECORD,
    "account_proposal": _RECORD,
    "account_event": _RECORD,
    "company_confirmation": _RECORD,
    "settlement_interval": Covered(By.NOTHING, why="what lines may come to under other readings, told to the entity: "
                                   "it pays nothing, and the interval is computed anew from the records"),
    # what is paid and had back
    "payout_instruction": Covered(By.EVENTS, (
        "id", "settlement", "uscc", "city", "amount_fen", "offset_fen", "reference", "issue", "status", "worker",
        "fence", "leased_until", "first_sent_at", "bank_reference", "account", "created_at", "handed_over_as")),
    "payout_event": _RECORD,
    "payout_refusal": _RECORD,
    "clawback_claim": Covered(By.RECORD, aside={
        "status": "what the decisions about it come to", "recovered_fen": "what the decisions about it come to"}),
    "claim_event": _RECORD,
    "payout_rule": _RECORD,
    "payout_run": _RECORD,
    "payout_run_item": _RECORD,
    "payout_run_event": _RECORD,
    "payout_file": _RECORD,
    "bank_statement": _RECORD,
    "bank_statement_line": _RECORD,
    "bank_statement_note": _RECORD,
    # who may
    "api_key": _RECORD,
    "api_key_revocation": _RECORD,
    "person": _RECORD,
    "person_event": _RECORD,
    "login": Covered(By.RECORD, aside={"seen_at": "when a page was last asked for: at most a session ends sooner"}),
    "logout": _RECORD,
    "request_nonce": Covered(By.NOTHING, why="nonces are deleted after minutes; one taken twice is a request repeated, "
                             "which the journal and the states refuse"),
    "job": Covered(By.NOTHING, why="work that waits or was done, forgotten after days: what it decides is a decision "
                   "on record like any other, by whoever asked for it"),
    "job_output": Covered(By.NOTHING, why="what a job made for its asker, forgotten after minutes"),
    "job_tally": Covered(By.NOTHING, why="how many jobs there were, for the gauges"),
    # rules
    "settlement_transition": Covered(By.SCHEMA),
    "payout_transition": Covered(By.SCHEMA),
    "alembic_version": Covered(By.SCHEMA),
    # the proof itself
    "audit": Covered(By.TREE),
    "tree_tile": Covered(By.TREE),
    "tree_leaf": Covered(By.TREE),
    "adopted": Covered(By.CHECKPOINT),
    # caches
    "rollup": Covered(By.NOTHING, why="a cache of the journal: each lock and each `verify` adds up the records "
                      "themselves and refuses a rollup that differs"),
    "rollup_block": Covered(By.NOTHING, why="as rollup"),
}  # fmt: skip


def not_covered(table: str, columns: Mapping[str, bool]) -> list[str]:
    """Return what of a table nobody has spoken for: the table itself or columns; `columns` are the ones it has now."""
    said = COVERED.get(table)
    if said is None:
        return [table]
    if said.by not in _BY_HAND:
        return []
    return sorted(set(columns) - set(said.columns) - set(said.aside))


def tables_by(how: By) -> list[str]:
    """Return the tables that are covered in one way, in order."""
    return [table for table, said in COVERED.items() if said.by is how]
