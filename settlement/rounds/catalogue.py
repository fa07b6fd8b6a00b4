"""Which rules there are, with which parameters, and which of them a round must carry."""

from __future__ import annotations

from collections.abc import Mapping

# Rule id -> parameter -> type. A rule that is not here does not exist, a parameter that is missing is an error.
PARAMETERS: Mapping[str, Mapping[str, str]] = {
    "R-WIN": {},
    "R-EDITION": {},
    "R-BASE": {},
    "R-UNIT": {},
    "R-GRANDFATHER": {},
    "R-PLATFORM": {},
    "R-PURPOSE": {"purposes": "strings"},
    "R-PROV": {"facility_in_anhui": "boolean"},
    "R-PROVINCE": {"prefix": "string"},
    "R-INTELLIGENT": {},
    "R-ENTITY": {"registered_in_anhui": "boolean"},
    "R-KIND": {"kinds": "strings", "ai_enterprise": "boolean"},
    "R-SELF": {},
    "R-INSIDER": {"share": "fraction"},
    "R-HOLD-EXTERNAL": {"share": "fraction"},
    "R-RELATED": {"share": "fraction"},
    "R-NET": {},
    "R-NET-FORMULA": {},
    "R-GROUP": {},
    "R-MATERIALS": {"evidence_required": "strings"},
    "R-SPEND": {"spend_basis": "string"},
    "R-NODUP": {},
    "R-CORR": {},
    "R-CAP20": {"ceiling": "fraction"},
    "R-NORTH": {"factor": "fraction"},
    "R-NORTH-PLACES": {"six": "strings", "six_plus_four": "strings"},
    "R-ROUND": {},
    "R-HOLD": {},
    "R-BUDGET": {},
    "R-FREE": {"entitlement": "string"},
    "R-LATE": {"bars": "string"},
    "R-DEPARTMENT": {"department": "string"},
    "R-DC": {"share": "fraction"},
    "R-DC-SIZE": {"pflops_at_least": "fraction"},
    "R-DC-DATE": {"completed_by": "date"},
    "R-DC-PROOF": {},
    "Y-DRAFT": {},
    "Y-GATE": {},
    "Y-5": {"yuan_per_kwh": "fraction", "pue_below": "fraction"},
    "Y-9": {"rate": "fraction", "cap_fen": "integer", "parameters_at_least": "integer", "scenes_at_least": "integer"},
    "Y-14": {"rate": "fraction", "cap_fen": "integer", "honours": "strings"},
    "Y-STACK": {},
    "Y-HIGHER": {},
}
OPTIONAL = ("R-GRANDFATHER", "R-DEPARTMENT", "R-DC", "R-DC-SIZE", "R-DC-DATE", "R-DC-PROOF")
SETTLED_RULES = tuple(rule for rule in PARAMETERS if rule.startswith("R-") and rule not in OPTIONAL)
DRAFT_RULES = tuple(rule for rule in PARAMETERS if rule.startswith("Y-"))
MATCH_RULES = ("R-DC", "R-DC-SIZE", "R-DC-DATE", "R-DC-PROOF")
