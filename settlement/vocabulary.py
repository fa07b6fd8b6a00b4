"""The closed lists of what is decided and paid, each said once: tables, doors and words for people read them here."""

from collections.abc import Mapping
from typing import Final

STATUSES: Final = (
    "computed", "submitted", "returned", "reviewed", "approved", "published", "locked", "paid", "cancelled",
)  # fmt: skip
EVENTS: Final = (
    "run", "submit", "review", "return", "approve", "publish", "objection", "ruling", "lock", "cancel", "paid",
    "reopen",
)  # fmt: skip
OUTCOMES: Final = ("payable", "held", "nothing")  # of a line
REVIEW_DECISIONS: Final = ("pass", "return")
RULINGS: Final = ("dismissed", "upheld")

PAYOUT_STATUSES: Final = (
    "ready", "leased", "submitted", "unknown", "handed_over", "paid", "failed", "returned", "disputed", "offset",
)  # fmt: skip
PAYOUT_REFUSALS: Final = (
    "ANSWER_NOT_UNDERSTOOD", "NO_SUCH_REFERENCE", "NO_SUCH_ISSUE", "NO_SUCH_INSTRUCTION", "BANK_REFERENCE_MISSING",
    "BANK_REFERENCE_INVALID", "AMOUNT_INVALID", "AMOUNT_MISSING", "STATE_NOT_ALLOWED", "LEASE_LOST",
    "OTHER_BANK_REFERENCE", "FILE_DIFFERS", "NOT_RELEASED",
)  # fmt: skip
"""Why a word about a payment was not booked; a gauge shows each from 0 on."""
PAYOUT_LEASES: Final = ("own", "all")  # whose leases need a released run: our own job's, or everybody's
RUN_EVENTS: Final = ("approve", "reject", "stop")
RUN_STATUSES: Final = ("proposed", "released", "rejected", "stopped")
NOTE_KINDS: Final = ("repaid", "fee", "interest", "transfer", "other")  # what a line of the bank's statement is
CLAWBACK_STATUSES: Final = ("open", "settled", "waived")
CLAWBACK_EVENTS: Final = ("propose", "approve", "reject")
CLAWBACK_KINDS: Final = ("offset", "repaid", "waive")

OWNER_HAS_HOLDERS: Final = (  # what a PUT of the registry points out though it accepts it
    "{code} owns a facility and has itself a recorded holder of {percent} % or more: owners are the investors who "
    "built it, looked through (R-JV); accepted, and taken as recorded"
)
RULE_BEHIND: Final[Mapping[tuple[str, str], str]] = {
    ("facilities", "share"): "R-JV",
    ("facilities", "shares_do_not_sum_to_one"): "R-JV: who built it",
    ("holdings", "share"): "R-RELATED",
    ("holdings", "holdings_above_one"): "R-RELATED",
}
"""(kind of registry item, code or field of a refusal) -> the rule that it breaks, as the refusal names it."""
