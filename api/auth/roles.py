"""Who may do what: the scopes there are, and the role of a person that each belongs to."""

from __future__ import annotations

COMPANY = "entity"  # whoever has this role is bound to one entity
ROLES = ("finance", "reviewer", "approver", "payer", "auditor", "operator", "registrar", "admin", "entity")
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
    "registrar": frozenset({"registry:read", "registry:write", "usage:read", "report:read"}),
    "admin": frozenset(),
    "entity": frozenset(),  # sees its own by functions of the database, and asks for nothing else
}
assert set(SCOPES_OF) == set(ROLES)
