"""The sections of the console, and who sees which: by role, by city, and for a company its own pages alone."""

from __future__ import annotations

import re
from typing import Final

from api.auth.people import Person

HOME: Final = "/console"
MONEY, PAYOUTS, DESK, CLAWBACKS, ACCOUNTS = "money", "payouts", "desk", "clawbacks", "accounts"
AUDIT, QUARANTINE, ROUNDS, COMPANY = "audit", "quarantine", "rounds", "company"
PEOPLE, KEYS, REGISTRY, CHECKS, HELD = "people", "keys", "registry", "checks", "held"
# what a section shows, the API shows to the same scope; the rounds are public notices, so everybody who is logged in
# sees them
SECTION_SCOPE = {
    MONEY: "report:read", HELD: "report:read", PAYOUTS: "payout:read", DESK: "payout:read", CLAWBACKS: "payout:read",
    ACCOUNTS: "payout:read", AUDIT: "audit:read", QUARANTINE: "usage:read", ROUNDS: None, PEOPLE: None, KEYS: None,
    REGISTRY: "registry:read", CHECKS: "report:read",
}  # fmt: skip
OF_THE_PROVINCE = (
    DESK,
    CLAWBACKS,
    ACCOUNTS,
    AUDIT,
    QUARANTINE,
    REGISTRY,
    PEOPLE,
    KEYS,
    CHECKS,
)  # not told apart by city, so nobody who is bound to one sees them
OF_ADMINISTRATORS = (PEOPLE, KEYS)
SHORTCUTS: Final = {
    "overview": "1", MONEY: "2", HELD: "3", PAYOUTS: "4", DESK: "5", ACCOUNTS: "6", REGISTRY: "7", QUARANTINE: "8",
    AUDIT: "9", COMPANY: "2",
}  # fmt: skip
"""The key that leads to a section, pressed together with the one that the browser wants; the help page lists them."""
OF_COMPANIES = re.compile(rf"{HOME}/company(/.*)?")
OPEN_TO_COMPANIES = re.compile(rf"{HOME}(/(company|rounds)(/.*)?|/password|/second-factor|/help)?")
"""Who acts for one entity opens these pages and no other, whatever is added later."""


def sections(person: Person | None) -> list[str]:
    """Return the sections a person sees."""
    if person is not None and person.uscc is not None:
        return [COMPANY, ROUNDS]
    return [name for name in SECTION_SCOPE if person is not None and _sees(person, name)]


def _sees(person: Person, section: str) -> bool:
    scope = SECTION_SCOPE[section]
    if person.city is not None and section in OF_THE_PROVINCE:
        return False
    if section in OF_ADMINISTRATORS:
        return person.role == "admin"
    return scope is None or scope in person.scopes


def shut_to(person: Person, path: str) -> bool:
    """Return whether a page is closed to somebody, whatever its section: companies' pages, and all others to them."""
    if person.uscc is not None:
        return OPEN_TO_COMPANIES.fullmatch(path) is None
    return OF_COMPANIES.fullmatch(path) is not None
