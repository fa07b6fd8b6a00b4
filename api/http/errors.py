"""Every stable code that a request can be answered with: its HTTP status and what it means. One table for all doors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from api.http.problem import Problem
from meter.intake.codes import BODY_MEANING


class Coded(NamedTuple):
    """The HTTP status of a code, and what it means."""

    status: int
    meaning: str


_DOOR: Final[Mapping[str, Coded]] = {
    "bad_request": Coded(400, "A parameter or field has a value that it cannot have."),
    "unknown_parameter": Coded(400, "The path does not take this query parameter."),
    "repeated_parameter": Coded(400, "A query parameter is given more than once."),
    "bad_text": Coded(400, "A text holds U+0000, half a surrogate pair, a noncharacter, or is not UTF-8."),
    "bad_cursor": Coded(400, "The cursor is not one that this list gave out."),
    "bad_time": Coded(400, "A time is not a day or an instant with an offset."),
    "bad_region": Coded(400, "The filter names no region."),
    "bad_period": Coded(400, "The period ends before it begins, or is too long."),
    "empty_period": Coded(400, "The period ends before it begins."),
    "unknown_column": Coded(400, "Totals do not go by this column."),
    "not_an_object": Coded(400, "The body is not a JSON object."),
    "not_an_array": Coded(400, "The body is not a JSON array."),
    "not_utf8": Coded(400, "The body is not UTF-8."),
    "duplicate_key": Coded(400, "A key occurs twice in one object."),
    "unknown_field": Coded(400, "The body has a field that it cannot have."),
    "missing_field": Coded(400, "A field is missing."),
    "wrong_type": Coded(400, "A field has the wrong type; nothing is coerced."),
    "out_of_range": Coded(400, "A field lies outside of its limits."),
    "client_gone": Coded(400, "The connection ended before the body did."),
    "malformed_request": Coded(400, "This is not HTTP/1.1, or not as long as it says."),
    "no_key": Coded(401, "An API key is needed: Authorization: Bearer KEY."),
    "unknown_key": Coded(401, "The API key is unknown or revoked."),
    "expired_key": Coded(401, "The API key has expired."),
    "secret_sent": Coded(401, "Signed requests name the key by its prefix and do not carry its secret."),
    "signature_missing": Coded(401, "Requests with this key are signed."),
    "bad_signature": Coded(401, "The signature does not fit the request."),
    "stale_signature": Coded(401, "The signature is more than five minutes old."),
    "replayed_request": Coded(401, "The nonce was used before."),
    "scope_missing": Coded(403, "The key lacks the scope."),
    "city_limited": Coded(403, "This is not open to keys that are bound to one city."),
    "key_names_no_source": Coded(403, "The key names no source."),
    "no_such_path": Coded(404, "Nothing stands at this path."),
    "no_such_record": Coded(404, "The source never sent an accepted record with this id."),
    "no_such_batch": Coded(404, "There is no such batch."),
    "no_such_settlement": Coded(404, "There is no such settlement."),
    "no_such_line": Coded(404, "The settlement has no line for this entity."),
    "no_such_job": Coded(404, "There is no such job, or it is not for this key to see."),
    "no_such_report": Coded(404, "Reports do not come in this format."),
    "method_not_allowed": Coded(405, "The path does not know this method; Allow says which it knows."),
    "job_cancelled": Coded(409, "The job was cancelled."),
    "archive_broken": Coded(409, "The archive is not what was sealed, or not where the jobs are done."),
    "job_over": Coded(409, "The job has ended."),
    "no_output": Coded(409, "The job gives no output, or has given none yet."),
    "output_gone": Coded(410, "The output was kept for a while and is gone: ask again."),
    "body_too_slow": Coded(408, "The body did not arrive in time."),
    "head_too_slow": Coded(408, "Request line and headers did not arrive in time."),
    "too_many_items": Coded(413, "More items than one request may bring."),
    "too_many_values": Coded(413, "More values than one request may bring."),
    "too_many_logins": Coded(429, "Too many passwords are being checked; come back after Retry-After."),
    "head_too_large": Coded(431, "Request line and headers are too large."),
    "internal_error": Coded(500, "A mistake of ours; it has been logged."),
    "job_given_up": Coded(500, "The job's worker was lost several times, one after another."),
    "overloaded": Coded(503, "Too much at once; come back after Retry-After."),
    "journal_unavailable": Coded(503, "The database cannot be reached; sending again is safe."),
    "database_unavailable": Coded(503, "The database cannot be reached."),
    "migrations_missing": Coded(503, "The database has another shape than this code needs."),
}
_SAID: Final[Mapping[str, str]] = {
    "BANK_REFERENCE_MISSING": "Money that moved has a reference of the bank.",
    "BANK_REFERENCE_INVALID": "A reference of the bank has 1 to 64 printable ASCII characters.",
    "AMOUNT_INVALID": "An amount of money is above 0 and fits 64 bits.",
    "AMOUNT_MISSING": "What moved has to be said here.",
    "ANSWER_NOT_UNDERSTOOD": "A file of the bank's cannot be believed; nothing of it was booked.",
    "STATEMENT_NOT_UNDERSTOOD": "A statement of the bank's cannot be read; nothing of it was stored.",
    "MAPPING_INVALID": "The mapping of a statement is not one.",
    "NO_SUCH_MAPPING": "There is no mapping of statements of this name.",
}
# what the settlement refuses to settle: 422, but for what is not there
_SETTLING: Final[Mapping[str, str]] = {
    "UNKNOWN_ROUND": "There is no such round.",
    "UNKNOWN_BATCH": "There is no such batch yet.",
    "UNKNOWN_READING": "There is no such reading.",
    "UNKNOWN_READING_VALUE": "The reading has no such value.",
    "ORDER_UNKNOWN_FIELD": "An order has no such field.",
    "ORDER_WRONG_TYPE": "A field of the order has the wrong type.",
    "RATE_ABOVE_CEILING": "The rate is above the round's ceiling (R-CAP20).",
    "RATE_NEGATIVE": "The rate is below 0.",
    "RATE_NOT_EXACT": "The rate is not an exact decimal string.",
    "BUDGET_NEGATIVE": "The budget is below 0.",
    "BUDGET_NOT_EXACT": "The budget is not a whole number of fen.",
    "APPLICATION_INVALID": "An application cannot be read.",
    "APPLICATION_NOT_IN_ROUND": "The round takes no applications.",
    "MATCH_INVALID": "A match of a centre cannot be read (R-DC).",
    "OTHER_TERMS": "The round is locked at another order or reading; other_terms says that this is meant.",
    "BAD_COMPARISON": "A comparison names two settlements, or a round with orders and readings.",
    "TOTAL_TOO_LARGE": "A sum does not fit 63 bits.",
    "CHIP_NOT_RATED": "A chip has no rating on a day of its use.",
    "FACILITY_NOT_REGISTERED": "A facility has no fact on a day of its use.",
    "HOLDINGS_ABOVE_WHOLE": "An entity is held above 100 % on some day.",
    "OWNER_SHARES_NOT_ONE": "The owners' shares of a facility do not sum to 1.",
}
_FORBIDDEN: Final[Mapping[str, str]] = {
    "SAME_PERSON": "Whoever took part before cannot take this decision.",
    "FACT_BY_APPROVER": "Whoever recorded anything that was known to the run has no last word about it.",
    "ACTOR_UNPROVEN": "The key or session that was shown is not, or no longer, of who decides.",
    "PROOF_NEEDED": "A person who decides about money has just shown password and code.",
    "NOT_AN_APPROVER": "An account is approved with the scope settlement:approve, for the whole province.",
    "OTHER_CITY": "Who is bound to a city decides about its own lines only.",
}
_CONFLICTS: Final[Mapping[str, str]] = {
    "STATE_NOT_ALLOWED": "The state does not allow it.",
    "NOT_PAYABLE": "A forecast or a draft cannot be approved.",
    "DIGEST_CHANGED": "The settlement is not the one that the digest names.",
    "REVIEW_MISSING": "Not every city has passed review.",
    "DAYS_MISSING": "The public notice needs its days.",
    "NOTICE_MISSING": "The order asks for a public notice.",
    "NOTICE_RUNNING": "The public notice still stands.",
    "NOTICE_TOO_SHORT": "The order asks for a longer public notice.",
    "OBJECTION_OPEN": "An objection is open or was upheld.",
    "ALREADY_RULED": "The objection was ruled on.",
    "NOT_REPRODUCED": "Recomputed from the records, the settlement is another: see verify.",
    "LINE_CONTRADICTS_ITSELF": "What is stored of a line does not follow from itself.",
    "ACCOUNT_CHANGED": "Another account is in force than was approved: approve the settlement again.",
    "ACCOUNT_MISSING": "There is no approved bank account to pay to.",
    "ALREADY_DECIDED": "The account was approved or rejected before.",
    "HOLDER_UNCONFIRMED": "The holder of the account is called otherwise than the entity: confirm the holder.",
    "ROUND_LOCKED": "Another settlement of the round was locked: run it again.",
    "EARLIER_PAYMENT_OPEN": "An earlier payment is still with the bank.",
    "CLAIM_ABOVE_PAID": "More would be taken back than was paid.",
    "ADJUSTMENT_WRONG": "The differences do not fit what was locked before.",
    "DECISION_MISSING": "The decision carries no outcome.",
    "NOTE_MISSING": "The decision needs a note.",
    "LEASE_LOST": "No live lease at the right fence.",
    "EARLIER_ISSUE": "News about an issue that was replaced; people decide.",
    "OUTCOME_CHANGED": "The bank now says something else; people decide.",
    "NEVER_SENT": "The bank speaks of what never went out; people decide.",
    "ISSUE_OPEN": "The present issue may still be with the bank.",
    "FILE_MISSING": "What is handed over as a file says its name.",
    "WRONG_AMOUNT": "The bank moved another amount; a person decides.",
    "OTHER_BANK_REFERENCE": "The bank's reference stands for another movement.",
    "MONEY_OPEN": "What the bank moved does not fit this outcome.",
    "ABOVE_CLAIM": "More than is still to come back.",
    "WAIVED_WHOLE": "What is waived is all that is still to come back.",
    "INSTRUCTION_MISSING": "An offset needs an instruction that is not out yet.",
    "NOTHING_OPEN": "Nothing is open.",
    "PAYMENT_OPEN": "A payment is still with the bank.",
    "ALREADY_IMPORTED": "This very file was imported before.",
    "ACCOUNTS_NOT_UNDERSTOOD": "A file of accounts cannot be read.",
    "NO_SEALING_KEY": "Accounts are kept sealed only, and there is no key.",
    "UNKNOWN_ENTITY": "The registry does not know the entity.",
    "NOTHING_TO_PAY": "Nothing of the run waits to be handed over.",
    "NOTHING_READY": "Nothing that could go into a run is ready.",
    "ABOVE_LIMIT": "The run, or a payee in it, is above the limit in force.",
    "RUN_CHANGED": "A payment of the run is not what was proposed: propose another.",
    "NOT_RELEASED": "The instruction is in no released payout run.",
    "FILE_DIFFERS": "A file of payments is not what was written down.",
    "OFFSET_NOT_APPROVED": "The offset was not approved.",
}
_ABSENT: Final[Mapping[str, str]] = {
    "UNKNOWN_SETTLEMENT": "There is no such settlement.",
    "NO_SUCH_SETTLEMENT": "There is no such settlement.",
    "NO_SUCH_OBJECTION": "There is no such objection.",
    "NO_SUCH_CITY": "The settlement has no lines of this city.",
    "NO_SUCH_LINE": "The settlement has no line for this entity.",
    "NO_SUCH_INSTRUCTION": "There is no such payout instruction.",
    "NO_SUCH_ISSUE": "The instruction never had this reference.",
    "NO_CHECKPOINT": "No checkpoint of that size was made.",
    "NOT_COVERED": "The checkpoint does not cover it: it came later, or never was.",
    "NO_SUCH_CLAIM": "There is no such clawback.",
    "NO_SUCH_PROPOSAL": "There is no such proposal.",
    "NO_SUCH_RUN": "There is no such payout run.",
    "NO_SUCH_FILE": "No such file was handed over.",
    "NO_SUCH_RULE": "There is no such payout rule that waits.",
}
CODES: Final[Mapping[str, Coded]] = {
    **_DOOR,
    **{str(code): Coded(status, meaning.english) for code, (status, meaning) in BODY_MEANING.items()},
    # of a whole registry body; of one record of usage it is 400
    **{code: Coded(422, meaning) for code, meaning in _SETTLING.items()},
    **{code: Coded(400, meaning) for code, meaning in _SAID.items()},
    **{code: Coded(403, meaning) for code, meaning in _FORBIDDEN.items()},
    **{code: Coded(409, meaning) for code, meaning in _CONFLICTS.items()},
    **{code: Coded(404, meaning) for code, meaning in _ABSENT.items()},
}
SETTLING: Final = tuple(_SETTLING)


def refusal(code: str, detail: str, *, otherwise: int = 409) -> Problem:
    """Make the answer to what was refused further in; `otherwise` is the status of a code that is in no table."""
    known = CODES.get(code)
    if known is not None:
        return Problem(known.status, code, detail)
    return Problem(404 if code.startswith("NO_SUCH") else otherwise, code, detail)


def by_status(codes: Iterable[str]) -> dict[int, list[str]]:
    """Group codes by their HTTP status, in order."""
    found: dict[int, list[str]] = {}
    for code in sorted(set(codes), key=lambda code: (CODES[code].status, code)):
        found.setdefault(CODES[code].status, []).append(code)
    return found
