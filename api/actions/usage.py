"""Recording usage: making a delivery of a body, recording it, and trying refused records of a source again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from api.actions.actor import Actor, require_of_the_province
from api.http import metrics
from api.http.admission import slow_down
from api.http.problem import Problem
from api.process import traces
from api.service import Service
from meter.database.connect import driver
from meter.database.scope import current
from meter.intake.codes import BodyError
from meter.intake.limits import BATCH_RECORDS
from meter.journal.prepare import Sent, prepare
from meter.journal.queries import Portion, last_quarantined, replayable
from meter.journal.write.delivery import Delivery
from meter.journal.write.receipt import Receipt
from meter.journal.write.waiting import Overloaded
from meter.registry.queries import sources

INLINE_BYTES = 32 * 1024  # up to here a thread costs more than it gives


class Sender(Protocol):
    """In whose name and of which source something is recorded."""

    @property
    def name(self) -> str:
        """The name that the batch bears."""

    @property
    def source(self) -> tuple[int, str] | None:
        """The source's number and name."""

    @property
    def era(self) -> int:
        """The era of the database in which it was let in."""


async def prepared(
    service: Service,
    sender: Sender,
    body: bytes,
    content_type: str,
    encoding: str | None = None,
    *,
    kind: str = "usage",
    releases: Mapping[int, int] | None = None,
) -> Delivery:
    """Make the delivery of a body, a longer one in a thread; raises Problem where the body is not a batch."""
    assert sender.source is not None
    source, algorithm = sender.source, service.settings.algorithm

    def make() -> Delivery:
        registered = service.recorder.registered  # as it is when the thread comes to it
        return prepare(
            Sent(body, content_type, encoding), source, registered,
            algorithm=algorithm, key_name=sender.name, kind=kind, releases=releases, era=sender.era,
        )  # fmt: skip

    try:
        if len(body) <= INLINE_BYTES and not encoding:
            return make()
        return await asyncio.get_running_loop().run_in_executor(service.threads, make)
    except BodyError as error:
        raise Problem(error.status, str(error.code), error.detail) from None


async def record(service: Service, delivery: Delivery) -> Receipt:
    """Record a delivery; raises Problem 503 when more is waiting than may wait."""
    try:
        with traces.span("batch", source=delivery.source[1]) as span:
            receipt = await service.recorder.record(delivery)
            if span is not None:
                span.set_attributes({"records": receipt.received, "accepted": receipt.accepted})
    except Overloaded as error:
        raise slow_down(str(error)) from None
    source = delivery.source[1]
    metrics.BATCHES.labels(source).inc()
    metrics.BATCH_RECORDS.observe(receipt.received)
    for status in ("accepted", "duplicate", "conflict", "refused"):
        count = getattr(receipt, status)
        if count:
            metrics.RECORDS.labels(source, status).inc(count)
    return receipt


async def replay(service: Service, sender: Sender) -> Receipt:
    """Try the source's refused records again, and record what has become acceptable; the sums of all that was tried.

    Raises Problem.
    """
    assert sender.source is not None
    total = Receipt(received=0)
    async with service.engine.connect() as held:
        last = await last_quarantined(await driver(held))
    done = 0
    async with service.large_bodies.place():
        while (portion := await _portion(service, sender.source[0], done, last)) is not None:
            done = portion.records[-1][0]
            receipt = await record(service, await _replayed(service, sender, portion))
            for name, count in receipt.counts.items():
                setattr(total, name, getattr(total, name) + count)
            total.results = (total.results + receipt.results)[:BATCH_RECORDS]
            total.batch, total.digest = receipt.batch or total.batch, receipt.digest or total.digest
    return total


async def _portion(service: Service, source: int, after: int, last: int) -> Portion | None:
    async with service.engine.connect() as held:
        return await replayable(await driver(held), source, after, last)


async def _replayed(service: Service, sender: Sender, portion: Portion) -> Delivery:
    """Make a delivery of quarantined records."""
    body = b"[" + b",".join(record for _, record in portion.records) + b"]"
    releases = {position: number for position, (number, _) in enumerate(portion.records)}
    return await prepared(service, sender, body, portion.content_type, kind="replay", releases=releases)


@dataclass(frozen=True)
class _Hand:
    """A person, for one source's records."""

    name: str
    source: tuple[int, str]
    era: int


async def replay_everything(service: Service, hand: Actor) -> dict[str, int]:
    """Try what every source has in quarantine again, in the name of a person of the registry; the counts.

    Nobody changes a record by it: what is recorded is what the source sent. Raises Problem.
    """
    require_of_the_province(hand, "registry:write")
    era = current().era
    assert era is not None, "a session was let in by a database"
    async with service.engine.connect() as held:
        known = await sources(await driver(held))
    counts: Counter[str] = Counter()
    for number, name in sorted(known.items()):
        counts.update((await replay(service, _Hand(hand.actor, (number, name), era))).counts)
    return dict(counts)
