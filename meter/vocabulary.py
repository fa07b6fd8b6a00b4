"""The closed lists of what is metered and registered, each said once."""

from typing import Final

ENTITY_KINDS: Final = ("enterprise", "university", "research_institute", "new_rnd_institution", "government", "other")
EVIDENCE_KINDS: Final = ("contract", "invoice", "payment")
EXPENDITURE_KINDS: Final = (*EVIDENCE_KINDS, "public_support")

# word -> its number in a journal's row; 0 is what states none
PURPOSES: Final = {"research": 1, "commercial": 2}
ACTIONS: Final = {"replace": 1, "void": 2}
RECORD, REPLACE, VOID = 0, ACTIONS["replace"], ACTIONS["void"]

REGISTRY_KINDS: Final = ("entities", "facilities", "chips", "holdings", "expenditures", "control_totals")
USAGE_KINDS: Final = ("usage", "replay")
PROBE_SOURCE: Final = "suanbu-probe"
"""The source of records that are sent only to see whether records are taken."""
BATCH_KINDS: Final = (*USAGE_KINDS, *REGISTRY_KINDS)
ENTRY_KINDS: Final = ("entities", "facilities", "holdings", "expenditures")
ENTRY_EVENTS: Final = ("confirm", "reject")
ENTRY_STATUSES: Final = ("proposed", "confirmed", "rejected")
ACCOUNT_EVENTS: Final = ("approve", "reject")
ACCOUNT_STATUSES: Final = ("proposed", "approved", "rejected")
QUARANTINE_STATUSES: Final = ("conflict", "refused")
CONFLICT_DECISIONS: Final = ("first_stands", "source_corrected", "source_asked")
FINDING_KINDS: Final = ("above_capacity", "metered_twice", "ring", "price_stray")


def one_of(column: str, words: tuple[str, ...]) -> str:
    """Return the SQL condition that a column holds one of these words."""
    return f"{column} in ({', '.join(repr(word) for word in words)})"
