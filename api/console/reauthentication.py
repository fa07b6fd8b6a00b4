"""Proof of who decides: password and code once more where money follows, unless both were shown just now."""

from __future__ import annotations

from collections.abc import Mapping

from api.auth.people import Person
from api.clock import now
from api.console.language.text import later
from api.console.queries import Queries

FAILED = later("密码或动态口令不正确（口令用过一次后请等下一个；没有启用动态口令的人不能办理）。")


async def proven(queries: Queries, session: str, person: Person, given: Mapping[str, str]) -> Person | None:
    """Return the person, proven; None where the form's password and code are not right, or there is no second
    factor.
    """
    if person.may_decide(now()):
        return person
    right = await queries.prove(session, given.get("password", ""), given.get("code") or None)
    again = await queries.whose(session)  # proving acted for nobody: from here on it is this person's behalf again
    return again if again is not None and right and again.may_decide(now()) else None
