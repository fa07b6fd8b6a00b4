"""State recomputed: instructions, claims and settlements are what their lines, decisions and events come to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from settlement.checkpoint.finding import Finding, of_row
from settlement.store import folded

TABLE = "payout_instruction"
_BORN: Mapping[str, Any] = {
    "offset_fen": 0, "issue": 1, "status": "ready", "worker": None, "fence": 0, "leased_until": None,
    "first_sent_at": None, "bank_reference": None, "handed_over_as": None,
}  # fmt: skip
_MOMENTS = ("leased_until", "first_sent_at", "created_at")


async def unlike_events(connection: asyncpg.Connection, unsound: Sequence[int]) -> list[Finding]:
    """Return every state that is not what it is recomputed to; `unsound` rows of the log are not asked."""
    found = await _instructions(connection, unsound)
    found += await _claims(connection)
    for row in await folded.states(connection):
        if row["status"] != row["reached"]:
            detail = f"is {row['status']}, its last decision left it {row['reached']}"
            found.append(of_row("settlement", json.dumps([row["id"]]), "status", detail))
    return found


async def _instructions(connection: asyncpg.Connection, unsound: Sequence[int]) -> list[Finding]:
    found: list[Finding] = []
    adopted = await folded.adopted_rows(connection, TABLE)
    old_events = await folded.adopted_rows(connection, "payout_event")
    issued = await folded.instructions_issued(connection, unsound)
    places: dict[str, tuple[int, int]] = {}
    async for portion in folded.instructions(connection):
        events = await folded.events_of(connection, [row["id"] for row in portion if row["id"] is not None])
        for row in portion:
            began = adopted.get(row["id"]) or (_born(row) if row["due_settlement"] else None)
            if row["id"] is None:
                key = json.dumps([_number_given(row, issued.get(row["of"], {}), places)])
                found.append(of_row(TABLE, key, "missing", f"{row['of']} pays {row['code']}, and nothing instructs it"))
                continue
            key = json.dumps([row["id"]])
            if began is None:
                found.append(of_row(TABLE, key, "inserted", f"no locked line of {row['of']} asks to pay {row['code']}"))
                continue
            happened = [one for one in events.get(row["id"], []) if one["id"] not in old_events]
            found += _unlike(key, dict(row), began, happened)
            if row["id"] not in adopted and row["of"] in issued:
                found += _numbered(key, row, issued[row["of"]], places)
    return found


def _born(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the instruction as the lock issued it."""
    return {
        **_BORN, "settlement": row["of"], "uscc": row["code"], "city": row["due_city"], "amount_fen": row["due_fen"],
        "reference": f"SB-{row['of']}-{row['code']}", "account": row["due_account"], "created_at": row["locked_at"],
    }  # fmt: skip


def _unlike(
    key: str, row: Mapping[str, Any], began: Mapping[str, Any], events: list[asyncpg.Record]
) -> Iterator[Finding]:
    now = {name: _moment(value) if name in _MOMENTS else value for name, value in began.items() if name != "id"}
    for event in events:
        if event["before"] != now["status"]:
            detail = f"begins from {event['before']}, the instruction was {now['status']}"
            yield of_row("payout_event", json.dumps([event["id"]]), "before", detail)
        now = after(now, event)
    for name, value in now.items():
        stands = row[name]
        if name == "account" and (value or "").startswith("sha256:"):
            stands = "sha256:" + hashlib.sha256(json.dumps(stands).encode()).hexdigest()
        if stands != value:
            shown = "another one" if name == "account" else f"{stands}, its line and events come to {value}"
            yield of_row(TABLE, key, name, f"is {shown}")


def after(now: Mapping[str, Any], event: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an event makes of an instruction: the rule of the database's payout_event_applied, a second time."""
    said, reached = event["detail"], event["after"]
    part, ready, lease = int(said.get("offset_fen", 0)), reached == "ready", "lease" in said
    again = ready and event["before"] in ("failed", "returned")
    until = now["leased_until"]
    if lease:
        until = event["at"] + timedelta(seconds=int(said["lease"]))
    elif reached in ("ready", "handed_over"):
        until = None
    same_issue = event["reference"] == now["reference"]
    references = (event["bank_reference"], now["bank_reference"])
    issue = now["issue"] + (1 if again else 0)
    return {
        **now,
        "status": reached,
        "amount_fen": now["amount_fen"] - part,
        "offset_fen": now["offset_fen"] + part,
        "worker": said.get("worker") if lease else now["worker"],
        "fence": event["fence"] if lease else now["fence"],
        "leased_until": until,
        "first_sent_at": None if ready else (now["first_sent_at"] or event["at"]) if lease else now["first_sent_at"],
        "handed_over_as": None if ready else said.get("handed_over_as") or now["handed_over_as"],
        "bank_reference": None if ready else _first(references if same_issue else references[::-1]),
        "account": event["account"] if ready and event["before"] != "ready" else now["account"],
        "issue": issue,
        "reference": f"SB-{now['settlement']}-{now['uscc']}-R{issue}" if again else now["reference"],
    }


def _first(values: tuple[Any, Any]) -> Any:
    return values[0] if values[0] is not None else values[1]


def _number_given(row: Mapping[str, Any], said: Mapping[str, Any], places: dict[str, tuple[int, int]]) -> int | str:
    """Return the number of an instruction that is gone, where the log tells it; else whom it paid."""
    place, before = places.get(row["of"], (0, 0))
    places[row["of"]] = (place + 1, before)
    numbered = bool(said) and said["first"] is not None  # a lock that paid nobody names no numbers
    gapless = numbered and said["last"] - said["first"] + 1 == said["count"]
    return said["first"] + place if gapless else f"{row['of']} {row['code']}"


def _numbered(
    key: str, row: Mapping[str, Any], said: Mapping[str, Any], places: dict[str, tuple[int, int]]
) -> Iterator[Finding]:
    """Check that numbers were given in the order of codes, without a gap where nobody else was issued meanwhile."""
    place, before = places.get(row["of"], (0, 0))
    gapless = said["last"] - said["first"] + 1 == said["count"]
    if (gapless and row["id"] != said["first"] + place) or not max(before + 1, said["first"]) <= row["id"] <= said[
        "last"
    ]:
        yield of_row(TABLE, key, "id", f"the instruction of {row['code']} was given another number at the lock")
    places[row["of"]] = (place + 1, row["id"])


async def _claims(connection: asyncpg.Connection) -> list[Finding]:
    adopted = await folded.adopted_rows(connection, "clawback_claim")
    old_events = await folded.adopted_rows(connection, "claim_event")
    found = []
    for row in await folded.claims(connection):
        began = adopted.get(row["id"], {"recovered_fen": 0, "status": "open"})
        recovered, status = began["recovered_fen"], began["status"]
        for number, kind, amount in row["approved"]:
            if number in old_events:
                continue
            recovered += 0 if kind == "waive" else amount
            status = "waived" if kind == "waive" else "settled" if recovered == row["amount_fen"] else status
        for name, value in (("recovered_fen", recovered), ("status", status)):
            if row[name] != value:
                detail = f"is {row[name]}, its decisions come to {value}"
                found.append(of_row("clawback_claim", json.dumps([row["id"]]), name, detail))
    return found


def _moment(value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) else value
