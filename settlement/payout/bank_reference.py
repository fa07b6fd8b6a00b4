"""The bank's own reference of a payment: what it may look like, at every door."""

from __future__ import annotations

from settlement.errors import NotAllowed

LONGEST = 64


def checked_bank_reference(given: object) -> str:
    """Trim and check a reference of the bank. Raises NotAllowed: BANK_REFERENCE_MISSING, BANK_REFERENCE_INVALID."""
    if given is None or given == "":
        raise NotAllowed("BANK_REFERENCE_MISSING", "this needs the bank's reference, bank_reference")
    if isinstance(given, str):
        trimmed = given.strip(" ")
        if 1 <= len(trimmed) <= LONGEST and all(" " <= letter <= "~" for letter in trimmed):
            return trimmed
        if not trimmed:
            raise NotAllowed("BANK_REFERENCE_MISSING", "the bank's reference is blank")
    raise NotAllowed("BANK_REFERENCE_INVALID", f"a reference of the bank has 1 to {LONGEST} printable ASCII characters")


def trimmed(given: object) -> str | None:
    """The reference under which a word will stand, or None where it names none that can."""
    try:
        return None if given is None else checked_bank_reference(given)
    except NotAllowed:
        return None
