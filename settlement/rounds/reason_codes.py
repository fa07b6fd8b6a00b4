"""Reasons and flags a line can carry, each a bit, so that a million lines carry them in one integer column."""

from __future__ import annotations

from typing import Final

# Order matters twice: exclusions come first and in the order of docs/rules.md, section 3 (bit = place - 1).
EXCLUSIONS: Final = (
    "NOT_VIA_PLATFORM",
    "PURPOSE_NOT_ELIGIBLE",
    "OUT_OF_PROVINCE",
    "NOT_INTELLIGENT_COMPUTE",
    "SELF_BUILT_SELF_USED",
)
PART_HOLDS: Final = ("PURPOSE_NOT_STATED", "EXTERNAL_SHARE_BELOW_HOLD_THRESHOLD")
REFUSALS: Final = ("NOT_INDEPENDENT_LEGAL_PERSON", "NOT_REGISTERED_IN_ANHUI", "NOT_AI_ENTERPRISE")
ENTITY_HOLDS: Final = (
    "KIND_NOT_LISTED",
    "AI_ENTERPRISE_NOT_ATTESTED",
    "ENTITY_NOT_IN_REGISTRY",
    "EVIDENCE_MISSING",
)
OUTCOMES: Final = ("NO_ELIGIBLE_USE", "NET_NOT_POSITIVE", "GROUP_NET_NOT_POSITIVE")
DRAFT_REASONS: Final = (
    "PUE_NOT_BELOW_1_2",
    "MODEL_PARAMETERS_BELOW_THRESHOLD",
    "SCENES_BELOW_THRESHOLD",
    "NOT_LANDED_IN_YINCHUAN",
    "MODEL_ALREADY_CLAIMED",
    "HONOUR_NOT_LISTED",
    "ONE_OFF_ALREADY_RECEIVED",
    "HIGHER_OF_MUNICIPAL_POLICIES",
)
LIMITS: Final = ("USE_TOO_LARGE",)  # its bit comes last: those of the others are kept with lines
REASONS: Final = EXCLUSIONS + PART_HOLDS + REFUSALS + ENTITY_HOLDS + OUTCOMES + DRAFT_REASONS + LIMITS

FLAGS: Final = (
    "OUT_OF_PROVINCE_ALLOWED_BY_TEXT",
    "NOT_REGISTERED_IN_ANHUI_ALLOWED_BY_TEXT",
    "NO_EXPENDITURE_EVIDENCE",
    "EVIDENCE_BELOW_CHARGES",
    "PUBLIC_SHARE_ABOVE_HALF",
    "INTRA_GROUP_CHARGES",
    "HOLD_IN_GROUP",
    "CONFLICT_IN_QUARANTINE",
    "BUDGET_SHORTFALL",
    "FORECAST_NOT_PAYABLE",
    "DRAFT_NOT_PAYABLE",
    "SAME_COST_TWICE",
)

REASON_BIT: Final = {name: 1 << place for place, name in enumerate(REASONS)}
FLAG_BIT: Final = {name: 1 << place for place, name in enumerate(FLAGS)}

REFUSAL_BITS: Final = sum(REASON_BIT[name] for name in (*REFUSALS, *LIMITS))
ENTITY_HOLD_BITS: Final = sum(REASON_BIT[name] for name in ENTITY_HOLDS)


def reason_names(bits: int) -> list[str]:
    """Return the reasons in `bits`, sorted by name."""
    return sorted(name for name, bit in REASON_BIT.items() if bits & bit)


def flag_names(bits: int) -> list[str]:
    """Return the flags in `bits`, sorted by name."""
    return sorted(name for name, bit in FLAG_BIT.items() if bits & bit)
