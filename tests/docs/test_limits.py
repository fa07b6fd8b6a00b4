"""The table of limits in docs/contract.md, section 8, says what the code does, and leaves none of these out."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from api.actions import actor
from api.auth import keys, passwords, people, sessions, signing
from api.commands.keys import LIVE_MAX
from api.console.sessions import FORM_BYTES
from api.http import admission, body_budget, json_body, paging, prefer, protocol
from api.queue import worker
from api.queue.jobs import OPEN_JOBS_MAX
from api.routes.totals import TOTALS_MOST
from meter import decimals
from meter.days import DAY_SECONDS
from meter.intake import body, limits
from meter.intake.arrow import guard
from meter.journal import queries
from meter.journal.write.recorder import QUEUE_RECORDS
from meter.registry import reconcile, shapes
from meter.registry.body import ITEMS_MAX, VALUES_MAX
from meter.registry.fields import Unfit
from settlement.jobs import compare
from settlement.numbers import exact
from settlement.payout import answers, bank_reference, batch_format, instructions, runs, statement_file, workbook_rows
from settlement.rounds import readings
from tests.docs.pages import text_of
from tests.support.records import OWNER, USER, chip, entity, facility, holding, uscc

ROW = re.compile(r"^\| (?P<limit>[^|]+) \| (?P<value>[^|]+) \|$", re.MULTILINE)
MEBIBYTE, KIBIBYTE = 1024 * 1024, 1024


def plain(number: float) -> str:
    """A number as the page spells it."""
    return f"{number:,}"


def size(number: int) -> str:
    """Bytes as the page spells them."""
    unit, name = (MEBIBYTE, "MiB") if number % MEBIBYTE == 0 else (KIBIBYTE, "KiB")
    assert number % unit == 0
    return f"{number // unit} {name}"


def day(second: int) -> str:
    """An instant as the page spells it."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


LIMITS = {
    "request line and headers": size(protocol.HEAD_BYTES),
    "time to send request line and headers": f"{protocol.HEAD_SECONDS} s",
    "body of usage records or of registry items, as sent and decoded": size(limits.BODY_BYTES),
    "body of other requests": size(json_body.BODY_BYTES),
    "a form of the console": size(FORM_BYTES),
    "time to send a body, waiting for room not counted": f"{body_budget.READ_SECONDS} s",
    "all bodies that one process holds": size(body_budget.HELD_BYTES),
    "time that a body waits for room": f"{body_budget.ROOM_SECONDS} s",
    "large bodies that one process checks at once": plain(admission.AT_ONCE),
    "time that a large body waits for its turn": f"{admission.WAIT_SECONDS} s",
    "records that wait to be recorded in one process": plain(QUEUE_RECORDS),
    "window of a zstd body": size(body.ZSTD_WINDOW_BYTES),
    "gzip members or zstd frames of a body": plain(body.MEMBERS_MAX),
    "trailer of a body in chunks": size(protocol.HEAD_BYTES),
    "time to send the rest of a body that was answered before its end": f"{protocol.REST_SECONDS} s",
    "time after which a client that reads nothing of its answer is let go": f"{protocol.READ_NOTHING_SECONDS} s",
    "records of a request": plain(limits.BATCH_RECORDS),
    "one record": size(limits.RECORD_BYTES),
    "levels of brackets of a body": plain(limits.DEPTH_LEVELS),
    "values of a record": plain(limits.RECORD_VALUES),
    "messages of an Arrow stream": plain(guard.MESSAGES),
    "metadata of all messages of an Arrow stream": size(guard.METADATA_BYTES),
    "columns of an Arrow stream, nested ones counted": plain(guard.COLUMNS),
    "characters of facility, chip, order": plain(limits.TEXT_CHARACTERS),
    "digits of evidence": plain(limits.EVIDENCE_CHARACTERS),
    "characters of an instant": plain(limits.TIME_CHARACTERS),
    "cards of a record": plain(limits.MILLICARDS // 1000),
    "charge of a record": f"{plain(limits.CHARGE_FEN)} fen",
    "start and end of a record": f"{day(limits.FIRST_SECOND)} to {day(limits.END_SECOND)}, exclusive",
    "span of a record (longer use is sent in parts)": f"{plain(limits.SPAN_SECONDS // DAY_SECONDS)} days",
    "results of a replay that are listed": plain(limits.BATCH_RECORDS),
    "items of a request": plain(ITEMS_MAX),
    "values of a request": plain(VALUES_MAX),
    "amount of an expenditure, either way": f"{plain(shapes.AMOUNT_MAX_FEN)} fen",
    "days of a reconciliation": plain(reconcile.DAYS_MAX),
    "`limit` of a list": plain(paging.LIMIT_MAX),
    "`limit` of usage totals": plain(TOTALS_MOST),
    "records of one portion of the quarantine, together": size(queries.PAGE_BYTES),
    "what came under one id and is shown with its record": plain(queries.UNDER_ONE_ID_MOST),
    "decimals of a rate": plain(readings.RATE_DECIMALS),
    "budget": f"{plain(readings.LARGEST_FEN)} fen",
    "money of an application, a match or an earlier line": f"{plain(exact.LARGEST_MONEY_FEN)} fen",
    "digits of a number in an application or a match, on either side of the point": plain(decimals.DIGITS_MAX),
    "days of notice": plain(readings.NOTICE_DAYS_MAX),
    "characters of an order's number": plain(readings.NUMBER_CHARACTERS_MAX),
    "characters of a note": plain(actor.TEXT_MAX),
    "settlements of one comparison": plain(compare.COMPARISONS_MAX),
    "jobs of one asker that have not ended": plain(OPEN_JOBS_MAX),
    "time that a request waits for a job, unless it prefers another, and at most": (
        f"{prefer.WAIT_SECONDS} and {prefer.WAIT_SECONDS_MAX} s"
    ),
    "attempts at a job whose worker is lost": plain(worker.ATTEMPTS_MAX),
    "time that the output of a job is kept": f"{worker.OUTPUT_MINUTES} min",
    "time that a job is kept": f"{worker.JOB_DAYS} days",
    "instructions of one claim": plain(instructions.CLAIM_MAX),
    "time of a lease": f"{instructions.LEASE_SECONDS} s",
    "bytes of a file with an answer of the bank": plain(answers.BYTES_MAX),
    "a return file of the bank with many answers": size(batch_format.FILE_BYTES),
    "a statement of the bank": size(statement_file.STATEMENT_BYTES),
    "rows of a statement of the bank": plain(statement_file.LINES_MAX),
    "columns of a statement of the bank": plain(statement_file.COLUMNS_MAX),
    "lines of a return file of the bank": plain(batch_format.LINES_MAX),
    "cells of a workbook of the bank, empty ones counted": plain(workbook_rows.CELLS_MAX),
    "memory and time to read a workbook of the bank, in a process of its own": (
        f"{workbook_rows.MEMORY_BYTES // 2**30} GiB and {workbook_rows.SECONDS} s"
    ),
    "instructions that a payout run names": plain(runs.RUN_MAX),
    "characters of a reference of the bank": plain(bank_reference.LONGEST),
    "characters of a key's name": plain(keys.NAME_CHARACTERS),
    "live keys of one name, made on the command line": plain(LIVE_MAX),
    "time for which a worker remembers that a key is live": f"{keys.REMEMBER_SECONDS} s",
    "difference of clocks of a signed request": f"{signing.WINDOW.total_seconds():.0f} s",
    "characters of a nonce": "{} to {}".format(*signing.NONCE_CHARACTERS),
    "characters of a password": "{} to {}".format(*passwords.PASSWORD_CHARACTERS),
    "wrong passwords of one client before it is locked out for the name": plain(sessions.FAILURES_MAX),
    "time that a client is locked out for a name": f"{sessions.LOCKOUT_MINUTES} min",
    "wrong passwords for a name from anywhere before new places are slowed down": plain(sessions.SLOW_FAILURES),
    "time between two attempts from new places then": f"{sessions.SLOW_SECONDS} s",
    "passwords that one process checks at once, and that wait": (
        f"{passwords.HASHES_AT_ONCE} and {passwords.HASHES_WAITING}"
    ),
    "idle time of a session": f"{sessions.IDLE_MINUTES} min",
    "length of a session": f"{sessions.SESSION_HOURS} h",
    "age of a password and code for a decision about money": f"{people.PROOF_MINUTES} min",
}  # fmt: skip
Probe = Callable[[int], Any]


def owners(count: int) -> list[dict[str, str]]:
    """So many owners; a thousand of them have a thousandth each."""
    return [{"uscc": uscc(number), "share": "0.001"} for number in range(count)]


def account(**changes: str) -> dict[str, str]:
    """A bank account with something changed."""
    return {"bank": "b", "account": "a", "holder": "h", **changes}


# These limits have no names in the code: what is at the limit is read, what is one beyond is not.
PROBES: dict[str, list[Probe]] = {
    "characters of a name, a bank or the holder of an account": [
        lambda n: shapes.read_entity(entity(name="x" * n)),
        lambda n: shapes.read_facility(facility() | {"name": "x" * n}),
        lambda n: shapes.read_entity(entity(bank_account=account(bank="x" * n))),
        lambda n: shapes.read_entity(entity(bank_account=account(holder="x" * n))),
    ],
    "characters of an account": [lambda n: shapes.read_entity(entity(bank_account=account(account="x" * n)))],
    "characters of a document or source": [
        lambda n: shapes.read_chip(chip(source="x" * n)),
        lambda n: shapes.read_holding(holding(USER, OWNER, "1", document="x" * n)),
    ],
    "owners of a facility": [lambda n: shapes.read_facility(facility(owners=owners(n)))],
    "capacities of a facility": [
        lambda n: shapes.read_facility(facility(capacity=[{"chip": "c", "cards": 1, "from": "2020-01-01"}] * n))
    ],
    "cards of a capacity": [
        lambda n: shapes.read_facility(facility(capacity=[{"chip": "c", "cards": n, "from": "2020-01-01"}]))
    ],
    "decimals of a share": [
        lambda n: shapes.read_holding(holding(USER, OWNER, f"0.{1:0{n}}")),
    ],
    "decimals of a rating": [lambda n: shapes.read_chip(chip(tflops_fp16=f"1.{1:0{n}}"))],
}


def table() -> dict[str, str]:
    """The rows of section 8."""
    section = text_of("docs/contract.md").split("\n## 8. Limits\n")[1]
    rows = {row["limit"]: row["value"] for row in ROW.finditer(section) if row["limit"] not in ("limit", "---")}
    assert len(rows) == section.count("\n| ") - section.count("\n| limit |")
    return rows


def test_every_limit_of_the_page_is_the_limit_of_the_code() -> None:
    page = table()
    assert {name: value for name, value in page.items() if name not in PROBES} == LIMITS


@pytest.mark.parametrize("name", PROBES)
def test_a_limit_without_a_name_is_where_the_page_says(name: str) -> None:
    most = int(table()[name].replace(",", ""))
    for probe in PROBES[name]:
        probe(most)
        with pytest.raises(Unfit):
            probe(most + 1)
