"""A batch file that a person takes to the bank: on record first, then written from the record whenever it is wanted.

What is in such a file is handed over: no gateway leases it again, and its answer comes as a return file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from settlement.errors import NotAllowed
from settlement.payout.batch_files import PURPOSE, file_name, put_on_record
from settlement.payout.batch_format import payment_file
from settlement.payout.instructions import CLAIM_MAX, claim
from settlement.store.payout_files import file_of, payments_in, runs_of
from settlement.store.payout_runs import note_payment_list


async def hand_over_run(
    engine: AsyncEngine, run: int, encoding: str, *, actor: str, clock: Callable[[], datetime]
) -> str:
    """Hand over what waits of a released run in one file of up to 1,000 payments; its name.

    Raises NotAllowed NOTHING_TO_PAY where nothing of the run waits, and whatever refuses the hand-over.
    """
    worker = f"desk-{run}"
    leased = await claim(engine, worker, CLAIM_MAX, actor, clock(), gateway="batch", run=run)
    payments = [one for one in leased if one["may_send"]]
    if not payments:
        raise NotAllowed("NOTHING_TO_PAY", f"nothing of payout run {run} waits to be handed over")
    moment = clock()
    name = file_name(payments, moment)
    text = payment_file(name, payments, purpose=PURPOSE, encoding=encoding)
    await put_on_record(engine, payments, name, text, encoding, worker=worker, actor=actor, moment=moment)
    return name


async def file_again(engine: AsyncEngine, name: str) -> bytes:
    """Write a file again as it was handed over, and into the audit log that it is handed out.

    Raises NotAllowed: NO_SUCH_FILE, or FILE_DIFFERS where its payments have changed since (one was issued again) or
    were written for another purpose: then it is not what the bank was to get.
    """
    async with engine.connect() as held:
        connection = await driver(held)
        known = await file_of(connection, name)
        if known is None:
            raise NotAllowed("NO_SUCH_FILE", f"no file {name} was handed over")
        payments = await payments_in(connection, name)
        readable = all(one["account"] for one in payments) and len(payments) == known["instructions"]
        text = payment_file(name, payments, purpose=PURPOSE, encoding=known["encoding"]) if readable else b""
        if hashlib.sha256(text).hexdigest() != known["sha256"]:
            raise NotAllowed("FILE_DIFFERS", f"{name} cannot be written again as it was")
        for run in await runs_of(connection, name):
            await note_payment_list(connection, run, f"batch file {name}", len(payments))
    return text
