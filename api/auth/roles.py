"""Who may do what: the scopes there are, and the role of a person that each belongs to."""

from __future__ import annotations

ROLES = ("finance", "reviewer", "approver", "payer", "auditor", "operator", "admin")
SCOPES = (
    "usage:write", "usage:read", "registry:write", "registry:read", "settlement:run", "settlement:review",
    "settlement:approve", "report:read", "payout:read", "payout:run", "audit:read",
)  # fmt: skip
# least privilege: what a role may ask of the API, and nobody more than he needs; who administers reads no money,
# and who audits decides nothing
SCOPES_OF: dict[str, frozenset[str]] = {
    "finance": frozenset({"settlement:run", "report:read", "usage:read", "registry:read", "payout:read"}),
    "reviewer": frozenset({"settlement:review", "report:read"}),
    "approver": frozenset({"settlement:approve", "report:read", "payout:read"}),
    "payer": frozenset({"payout:run", "payout:read"}),
    "auditor": frozenset({"audit:read", "report:read", "usage:read", "registry:read", "payout:read"}),
    "operator": frozenset({"usage:read", "registry:read"}),
    "admin": frozenset(),
}
assert set(SCOPES_OF) == set(ROLES)
