"""The peer: the service most people would write, written well: FastAPI, pydantic models, insert ... on conflict.

It checks what the contract asks of a record (types, lengths, unknown fields, check digit, known facility and chip),
takes JSON and NDJSON, answers counts, and commits before it answers. It keeps no body, no digest chain, no conflicts,
no corrections and no rollup: all of that would only make it slower.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Header, HTTPException, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, MetaData, Numeric, Table, Text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import create_async_engine
from stdnum.cn import uscc

from benchmarks.ingest.province import CHIPS, FACILITIES
from tests.support.records import NDJSON

METADATA = MetaData()
RECORDS = Table(
    "usage_record",
    METADATA,
    Column("source", Integer, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("consumer", Text, nullable=False),
    Column("facility", Text, nullable=False),
    Column("chip", Text, nullable=False),
    Column("cards", Numeric, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True), nullable=False),
    Column("charge_fen", BigInteger, nullable=False),
    Column("purpose", Text),
    Column("via_platform", Boolean, nullable=False),
    Column("order_number", Text),
    Column("evidence", Text),
)
KNOWN_FACILITIES, KNOWN_CHIPS = frozenset(FACILITIES), frozenset(CHIPS)
MOST_ROWS = 32_767 // len(RECORDS.columns)  # a statement takes so many parameters
Identity = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._:-]+$")]


class UsageRecord(BaseModel):
    """One usage record."""

    model_config = ConfigDict(extra="forbid")

    id: Identity
    consumer: Annotated[str, Field(min_length=18, max_length=18)]
    facility: Annotated[str, Field(min_length=1, max_length=64)]
    chip: Annotated[str, Field(min_length=1, max_length=64)]
    cards: Annotated[Decimal, Field(gt=0, decimal_places=3)]
    started_at: AwareDatetime
    ended_at: AwareDatetime
    charge_fen: Annotated[int, Field(strict=True, ge=0)]
    purpose: Literal["research", "commercial"] | None = None
    via_platform: Annotated[bool, Field(strict=True)] = True
    order: Annotated[str, Field(max_length=64)] | None = None
    evidence: Annotated[str, Field(max_length=128, pattern="^[0-9a-fA-F]*$")] | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> UsageRecord:
        if self.ended_at < self.started_at:
            raise ValueError("ends before it starts")
        if not uscc.is_valid(self.consumer):
            raise ValueError("wrong check digit")
        if self.facility not in KNOWN_FACILITIES or self.chip not in KNOWN_CHIPS:
            raise ValueError("not registered")
        return self

    def row(self, source: int) -> dict[str, Any]:
        """Return the record as a row of the table."""
        return {
            "source": source, "id": self.id, "consumer": self.consumer, "facility": self.facility, "chip": self.chip,
            "cards": self.cards, "started_at": _whole(self.started_at), "ended_at": _whole(self.ended_at),
            "charge_fen": self.charge_fen, "purpose": self.purpose, "via_platform": self.via_platform,
            "order_number": self.order, "evidence": self.evidence,
        }  # fmt: skip


LIST = TypeAdapter(list[UsageRecord])
KEYS = {os.environ.get("PEER_KEY_DIGEST", ""): 1}
ENGINE = create_async_engine(os.environ.get("PEER_DATABASE_URL", "postgresql+asyncpg://"), pool_size=16, max_overflow=0)


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with ENGINE.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    yield
    await ENGINE.dispose()


APP = FastAPI(lifespan=_lifespan)


def _source(authorization: Annotated[str, Header()]) -> int:
    source = KEYS.get(hashlib.sha256(authorization.removeprefix("Bearer ").encode()).hexdigest())
    if source is None:
        raise HTTPException(401)
    return source


@APP.post("/v1/usage-records")
async def post_usage_records(request: Request, source: Annotated[int, Depends(_source)]) -> dict[str, int]:
    """Record a batch; one transaction, repeats left out."""
    body = await request.body()
    try:
        if request.headers.get("content-type") == NDJSON:
            records = [UsageRecord.model_validate_json(line) for line in body.splitlines() if line]
        else:
            records = LIST.validate_json(body)
    except ValidationError as error:
        raise HTTPException(422, error.errors(include_url=False, include_context=False)) from None
    rows = [record.row(source) for record in records]
    accepted = 0
    async with ENGINE.begin() as connection:
        for start in range(0, len(rows), MOST_ROWS):
            part = rows[start : start + MOST_ROWS]
            done = await connection.execute(insert(RECORDS).values(part).on_conflict_do_nothing())
            accepted += done.rowcount
    return {"received": len(rows), "accepted": accepted, "duplicate": len(rows) - accepted}


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
