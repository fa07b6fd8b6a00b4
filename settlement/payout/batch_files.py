"""The payout job against a bank that takes files of many payments, and answers with files.

The lease is committed, then the file is written where no bank sees it, then the payments are `handed_over` and the
file is on record, in one transaction; only then is it let go, by one rename. After a crash a file that is on record and
still in `ready/` is let go, and one that is not on record is thrown away, its payments go into another. So nothing goes
out twice, and nothing that is on record stays behind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from meter.database.errors import refusal_of
from settlement.errors import Disputed, NotAllowed
from settlement.payout.answers import contents_of
from settlement.payout.batch_format import (
    FILE_BYTES,
    NOT_FOUND,
    WORKING,
    AnswerLine,
    Answers,
    payment_file,
    question_file,
    read_answers,
)
from settlement.payout.booking import Mark
from settlement.payout.boundary import transaction
from settlement.payout.folder import Folder, FolderBusy
from settlement.payout.instructions import claim, without_account
from settlement.payout.marks import mark_all, mark_within
from settlement.payout.refusals import keep_refusal, printable
from settlement.store.payout_files import by_issue, file_of, handed_over_since, insert_file

SUFFIX: Final = ".csv"
PURPOSE: Final = "算力补助"
ASK_AFTER: Final = timedelta(hours=24)
BOOKED_AT_ONCE: Final = 200
_ASKED: Final = "SBASK-"
_MOMENT: Final = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class BatchFiles:
    """A folder of batch files, how they are written, and after how long the bank is asked."""

    folder: Folder
    encoding: str = "utf-8"
    purpose: str = PURPOSE
    ask_after: timedelta = ASK_AFTER


@dataclass(frozen=True)
class _Job:
    """One pass: on whose behalf, and by which clock."""

    engine: AsyncEngine
    files: BatchFiles
    worker: str
    actor: str
    clock: Callable[[], datetime]


async def exchange_batches(
    engine: AsyncEngine,
    files: BatchFiles,
    *,
    worker: str,
    limit: int,
    actor: str,
    clock: Callable[[], datetime],
) -> list[dict[str, Any]]:
    """Make one pass: let go what was left, take in answers, hand over what was released, ask about what is silent.

    What changed, one mapping each. Where another process works on the folder, nothing.
    """
    job = _Job(engine, files, worker, actor, clock)
    try:
        with files.folder.held():
            await _finish(job)
            done = []
            for name in files.folder.answered(SUFFIX):
                done += await _take_in(job, name)
            done += await _hand_over(job, limit)
            await _ask(job)
    except FolderBusy:
        return []
    return done + [{**one, "status": "ACCOUNT_MISSING"} for one in await without_account(engine, limit)]


async def _finish(job: _Job) -> None:
    """Let go what a crash left behind, if it is on record; throw away what is not."""
    for name in job.files.folder.written():
        async with job.engine.connect() as held:
            known = await file_of(await driver(held), name)
        if known is None and not name.startswith(_ASKED):
            job.files.folder.discard(name)
            continue
        found = contents_of(job.files.folder.ready / name, FILE_BYTES + 1)
        if known is not None and (found is None or hashlib.sha256(found).hexdigest() != known["sha256"]):
            refusal = NotAllowed("FILE_DIFFERS", f"{name} is not what was written down: it is not let go")
            await keep_refusal(
                job.engine, refusal, instruction=None, about=name, word="handed_over", actor=job.actor, once=True
            )
            continue
        job.files.folder.release(name)


async def _hand_over(job: _Job, limit: int) -> list[dict[str, Any]]:
    """Put what was released into one file, and let it go; what was handed over."""
    leased = await claim(job.engine, job.worker, limit, job.actor, job.clock(), gateway="batch")
    payments = [one for one in leased if one["may_send"]]
    if not payments:
        return []
    moment = job.clock().astimezone(UTC)
    name = file_name(payments, moment)
    text = payment_file(name, payments, purpose=job.files.purpose, encoding=job.files.encoding)
    job.files.folder.prepare(name, text)
    try:
        found = await put_on_record(
            job.engine, payments, name, text, job.files.encoding, worker=job.worker, actor=job.actor, moment=moment
        )
    except NotAllowed as refusal:
        job.files.folder.discard(name)
        return [{"reference": name, "status": refusal.code, "amount_fen": 0}]
    job.files.folder.release(name)
    return found


def file_name(payments: Sequence[Mapping[str, Any]], moment: datetime) -> str:
    """Return the name of a file of leased payments: no two are called alike, for a fence is given once."""
    return f"SBPAY-{moment.astimezone(UTC):%Y%m%d}-{payments[0]['id']}-{payments[0]['fence']}{SUFFIX}"


async def put_on_record(
    engine: AsyncEngine,
    payments: Sequence[Mapping[str, Any]],
    name: str,
    text: bytes,
    encoding: str,
    *,
    worker: str,
    actor: str,
    moment: datetime,
) -> list[dict[str, Any]]:
    """Write down, in one transaction, a file and that leased payments are handed over in it; what they are then.

    Raises NotAllowed where one of them is not handed over any more; then none is, and the refusal is kept.
    """
    said = {"worker": worker, "handed_over_as": name, "job": "batch"}
    marks = [Mark(one["id"], "handed_over", {**said, "fence": one["fence"]}) for one in payments]
    try:
        async with transaction(engine, "hand over") as connection:
            found = await mark_within(connection, marks, actor=actor, moment=moment)
            await insert_file(
                connection, name, sha256=hashlib.sha256(text).hexdigest(), encoding=encoding,
                instructions=len(payments), sum_fen=sum(one["amount_fen"] for one in payments), actor=actor,
            )  # fmt: skip
    except (NotAllowed, asyncpg.CheckViolationError) as error:
        refusal = error if isinstance(error, NotAllowed) else NotAllowed(*refusal_of(error))
        await keep_refusal(engine, refusal, instruction=None, about=name, word="handed_over", actor=actor)
        raise refusal from None
    return [one for one in found if isinstance(one, dict)]


async def _take_in(job: _Job, name: str) -> list[dict[str, Any]]:
    """Book a return file line by line, or set it aside as a whole; what changed or was not booked."""
    try:
        raw = contents_of(job.files.folder.answers / name, FILE_BYTES + 1)
        if raw is None:
            raise NotAllowed("ANSWER_NOT_UNDERSTOOD", "it is not a file that can be read")
        answers = read_answers(raw, encoding=job.files.encoding)
    except NotAllowed as refusal:
        await keep_refusal(
            job.engine, refusal, instruction=None, about=name, word="answer", actor=job.actor, file=name, once=True
        )
        return [{"reference": printable(name), "status": _aside(job, name, refusal), "amount_fen": 0}]
    done = await book_answers(
        job.engine, answers, file=name, actor=job.actor, clock=job.clock, after=job.files.ask_after
    )
    job.files.folder.finish(name)
    return done


async def book_answers(
    engine: AsyncEngine, answers: Answers, *, file: str, actor: str, clock: Callable[[], datetime], after: timedelta
) -> list[dict[str, Any]]:
    """Book the lines of a return file; what changed, and what was not booked with its code.

    A bank that does not find a payment is believed when it was asked (its file names our question) `after` the payment
    was handed over, not before: some banks know a payment only the next day. What it then does not find has failed.
    """
    done: list[dict[str, Any]] = []
    known: dict[str, asyncpg.Record] = {}
    for start in range(0, len(answers.lines), BOOKED_AT_ONCE):
        lines = answers.lines[start : start + BOOKED_AT_ONCE]
        async with engine.connect() as held:
            known = await by_issue(await driver(held), [one.reference for one in lines if one.refusal is None])
        meant: list[tuple[AnswerLine, Mark]] = []
        for line in lines:
            refusal = line.refusal
            if refusal is None and line.reference not in known:
                refusal = NotAllowed("NO_SUCH_REFERENCE", "no instruction has, or had, this reference")
            if refusal is not None:
                done.append(await _not_booked(engine, line, refusal, file, actor, None))
            elif (word := _word(line, known[line.reference], answers.answers, after, clock())) is not None:
                meant.append((line, _mark(line, word, known[line.reference]["id"], file)))
        found = await mark_all(engine, [mark for _, mark in meant], actor=actor, moment=clock()) if meant else []
        for (line, mark), became in zip(meant, found, strict=True):
            if isinstance(became, Disputed):
                done.append(_told(line, f"disputed: {became.code}"))
            elif isinstance(became, NotAllowed):
                done.append(await _not_booked(engine, line, became, file, actor, mark.instruction))
            elif became["status"] != known[line.reference]["status"]:
                done.append(became)
    return done


def _word(line: AnswerLine, known: asyncpg.Record, question: str, after: timedelta, now: datetime) -> str | None:
    """Return what a line means to us: nothing yet, where the bank still works, or does not find what it may find
    tomorrow."""
    if line.status == WORKING:
        return None
    if line.status != NOT_FOUND:
        return line.status
    asked = _asked_at(question)
    if asked is None or asked > now or known["since"] is None or known["status"] != "handed_over":
        return None
    return "failed" if asked - known["since"] >= after and line.reference == known["reference"] else None


def _mark(line: AnswerLine, word: str, number: int, file: str) -> Mark:
    said = {
        "bank_reference": line.bank_reference, "file": file, "job": "batch", "note": printable(line.reason) or None,
        "amount_fen": line.amount_fen if word != "failed" else None,
        "not_found": True if line.status == NOT_FOUND else None,
    }  # fmt: skip
    return Mark(number, word, {name: value for name, value in said.items() if value is not None}, line.reference)


async def _ask(job: _Job) -> None:
    """Ask about what was handed over long ago and is not answered: one file of questions for each `ask_after`."""
    now = job.clock().astimezone(UTC)
    folder = job.files.folder
    asked = [_asked_at(path.name) for place in (folder.out, folder.ready) for path in place.glob(f"{_ASKED}*")]
    asked += [_asked_at(name) for name in _noted(folder)]
    if any(one is not None and now - one < job.files.ask_after for one in asked):
        return
    async with job.engine.connect() as held:
        silent = await handed_over_since(await driver(held), now - job.files.ask_after)
    if silent:
        name = f"{_ASKED}{now.strftime(_MOMENT)}{SUFFIX}"
        folder.prepare(name, question_file(name, [dict(row) for row in silent], encoding=job.files.encoding))
        folder.note(name)
        folder.release(name)


def _noted(folder: Folder) -> list[str]:
    """Return the question that was asked last, though the bank has taken its file away."""
    last = folder.noted()
    return [last] if last else []


def _asked_at(name: str) -> datetime | None:
    """Return when a file of questions was made, by its name."""
    try:
        return datetime.strptime(name, f"{_ASKED}{_MOMENT}{SUFFIX}").replace(tzinfo=UTC)
    except ValueError:
        return None


def _told(line: AnswerLine, status: str) -> dict[str, Any]:
    return {"reference": printable(line.reference), "status": status, "amount_fen": line.amount_fen or 0}


async def _not_booked(
    engine: AsyncEngine, line: AnswerLine, refusal: NotAllowed, file: str, actor: str, instruction: int | None
) -> dict[str, Any]:
    await keep_refusal(
        engine, refusal, instruction=instruction, about=line.reference or file, word="answer", actor=actor,
        file=file, once=True,
    )  # fmt: skip
    return _told(line, f"set aside: {refusal.code}")


def _aside(job: _Job, name: str, refusal: NotAllowed) -> str:
    try:
        job.files.folder.put_aside(name, refusal.code, refusal.detail)
    except OSError as error:
        return f"could not be set aside ({error.strerror}): {refusal.code}"
    return f"set aside: {refusal.code}"
