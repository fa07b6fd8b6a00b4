"""Keeping what could not be booked: a refusal is stored, so that somebody other than the program reads it."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from settlement.errors import NotAllowed
from settlement.payout.boundary import transaction
from settlement.store.payout_refusals import insert_refusal

TEXT_MAX = 200


def printable(text: str) -> str:
    """Return the text as a database and a terminal take it: surrogates, NUL and controls are spelled out."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)[:TEXT_MAX]


async def keep_refusal(
    engine: AsyncEngine, refusal: NotAllowed, *, instruction: int | None, about: str, word: str, actor: str,
    file: str | None = None, once: bool = False,
) -> None:  # fmt: skip
    """Store a refusal, in a transaction of its own: the one that was refused is undone.

    `once`: not where the same was refused of the same before, as by a bank that is asked again and again.
    """
    async with transaction(engine, "keep a refusal") as connection:
        await insert_refusal(
            connection, instruction=instruction, about=printable(about), word=word, code=refusal.code,
            detail=printable(refusal.detail), file=None if file is None else printable(file), actor=actor, once=once,
        )  # fmt: skip
