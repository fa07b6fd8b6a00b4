"""One transaction of the journal: under the one lock that makes batch numbers follow the order of commits.

Whoever appends a batch, of usage or of registry facts, does it inside `journal_transaction`. The lock is taken before
the head is read and falls only with the commit, so a batch number is visible exactly when all smaller ones are.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from meter.database.errors import JournalUnavailable, reaching_database
from meter.journal import store
from meter.journal.digest_chain import GENESIS, Header, contents_text, digest_of, link

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Head:
    """The last batch: its number, digest, moment, and the last batch that changed the registry."""

    batch: int
    digest: bytes
    recorded_at: datetime
    registry_batch: int


@dataclass(frozen=True)
class Recorded:
    """A batch as appended: what its receipt says."""

    batch: int
    digest: bytes
    recorded_at: datetime


class HeadMoved(Exception):
    """Somebody else has recorded, or the transaction before came to nothing: what was prepared ahead does not fit."""


@dataclass(frozen=True)
class Ahead:
    """What a transaction that goes ahead relies on: where the one before will leave the journal, and when it ended."""

    head: Head
    ended: asyncio.Event


class JournalTransaction:
    """The open transaction: its head moves with every batch appended.

    One that goes ahead of its turn has a head that is only expected and may write nothing but entries before
    `take_turn`.
    """

    def __init__(
        self, connection: asyncpg.Connection, head: Head, algorithm: str, now: datetime, ahead: Ahead | None = None
    ) -> None:
        self.connection = connection
        self.head = head
        self._ahead = ahead
        self.algorithm = algorithm
        self._now = max(now, head.recorded_at)  # a clock set back must not make an earlier batch look later
        self._batches: list[tuple[Any, ...]] = []
        self._bodies: list[tuple[Any, ...]] = []
        self._given: dict[tuple[str, str], dict[str, int]] = {}  # (table, column) -> numbers not yet written
        self._uncovered: list[tuple[str, int, str]] = []  # (table, number, name) that no batch's digest covers yet

    async def take_turn(self) -> None:
        """Take the lock after the transaction before has ended; raises HeadMoved unless the journal is as expected."""
        if self._ahead is None:
            return
        await self._ahead.ended.wait()
        await store.take_lock(self.connection)
        if await read_head(self.connection) != self._ahead.head:
            raise HeadMoved
        self._ahead = None

    async def number(self, table: str, column: str, names: Iterable[str]) -> dict[str, int]:
        """Return the numbers of names in a dictionary table (`party`, `facility`, `chip`); new names get the next ones.

        A new number is kept only when a batch follows whose digest covers it.
        """
        assert (table, column) in {("party", "uscc"), ("facility", "code"), ("chip", "code")}
        wanted = sorted(set(names))
        if not wanted:
            return {}
        last, numbers = await store.names_in(self.connection, table, column, wanted)
        given = self._given.setdefault((table, column), {})
        numbers |= {name: given[name] for name in wanted if name in given}
        missing = [name for name in wanted if name not in numbers]
        if missing:
            for number, name in enumerate(missing, start=last + len(given) + 1):
                given[name] = numbers[name] = number
                self._uncovered.append((table, number, name))
        return numbers

    def append(
        self,
        *,
        kind: str,
        source: tuple[int, str] | None,
        counts: Mapping[str, int],
        key_name: str,
        contents: Mapping[str, str],
        body: tuple[str, str, bytes] | None,
        changes_registry: bool,
    ) -> Recorded:
        """Add the next batch (written out by `flush`); `body` is (content type, codec, bytes)."""
        number = self.head.batch + 1
        if self._uncovered:
            names = "\n".join(f"{table} {given} {name}" for table, given, name in self._uncovered)
            contents = {**contents, "names": digest_of(self.algorithm, names.encode())}
            self._uncovered = []
        registry_batch = number if changes_registry else self.head.registry_batch
        header = Header(
            batch=number,
            kind=kind,
            source=source[1] if source else None,
            recorded_at=self._now,
            received=counts["received"],
            accepted=counts["accepted"],
            duplicate=counts["duplicate"],
            conflict=counts["conflict"],
            refused=counts["refused"],
            registry_batch=registry_batch,
            key_name=key_name,
            contents=contents,
        )
        digest = link(self.algorithm, self.head.digest, header)
        self.head = Head(number, digest, self._now, registry_batch)
        self._batches.append(
            (
                number, kind, source[0] if source else None, self._now, header.received, header.accepted,
                header.duplicate, header.conflict, header.refused, registry_batch, key_name,
                contents_text(contents), self.algorithm, digest,
            )
        )  # fmt: skip
        if body is not None:
            self._bodies.append((number, *body))
        return Recorded(number, digest, self._now)

    @property
    def numbers_not_kept(self) -> set[int]:
        """Numbers given out that no batch covers: at the end of the transaction they are free again."""
        return {number for _, number, _ in self._uncovered}

    async def write_names(self) -> None:
        """Write the names given so far, which a batch of this transaction is sure to cover: rows may then name them."""
        for (table, column), given in self._given.items():
            await self.copy(table, ("id", column), [(number, name) for name, number in given.items()])
        self._given = {}

    async def flush(self) -> None:
        """Write the batches appended so far, and the names that they cover."""
        assert self._ahead is None, "it is not this transaction's turn"
        if not self._uncovered:
            await self.write_names()
        if self._batches:
            await store.append_batches(self.connection, self._batches, self._bodies)
        self._batches, self._bodies = [], []

    async def copy(self, table: str, columns: Sequence[str], records: Sequence[tuple[Any, ...]]) -> None:
        """Copy records into a table; nothing to do for none."""
        if records:
            await self.connection.copy_records_to_table(table, records=records, columns=list(columns))


@contextlib.asynccontextmanager
async def journal_transaction(engine: AsyncEngine, algorithm: str, clock: Clock) -> AsyncIterator[JournalTransaction]:
    """Hold the journal's lock for one transaction; commits when the block ends well, rolls back when it does not.

    Raises JournalUnavailable when the database cannot be reached or does not confirm the commit.
    """
    async with reaching_database(), engine.connect() as held:
        connection = await driver(held)
        async with transaction_on(connection, algorithm, clock) as opened:
            yield opened


@contextlib.asynccontextmanager
async def transaction_on(
    connection: asyncpg.Connection, algorithm: str, clock: Clock, ahead: Ahead | None = None
) -> AsyncIterator[JournalTransaction]:
    """Open a `journal_transaction` on a connection of the caller's.

    With `ahead`, it takes the lock only at `take_turn`.
    """
    notices: list[str] = []

    def listen(_: asyncpg.Connection, message: asyncpg.PostgresLogMessage) -> None:
        notices.append(str(message))

    connection.add_log_listener(listen)
    try:
        if ahead is None:
            # a statement after the lock: its snapshot sees what the last holder of the lock committed
            await store.begin_under_lock(connection)
            opened = JournalTransaction(connection, await read_head(connection), algorithm, clock())
        else:
            await store.begin(connection)
            opened = JournalTransaction(connection, ahead.head, algorithm, clock(), ahead)
        yield opened
        await opened.flush()
        notices.clear()
        ended = await connection.execute("commit")
    except BaseException as error:
        await _give_up(connection, isinstance(error, Exception))
        raise
    finally:
        if not connection.is_closed():
            connection.remove_log_listener(listen)
    if ended != "COMMIT":
        raise JournalUnavailable(f"the transaction ended with {ended}")
    if notices:
        # "canceling wait for synchronous replication": committed here, perhaps nowhere else
        raise JournalUnavailable(f"the commit was not confirmed: {notices[0]}")


async def _give_up(connection: asyncpg.Connection, orderly: bool) -> None:
    if connection.is_closed():
        return
    if not orderly:  # cancelled in the middle of a protocol exchange: the connection's state is unknown
        connection.terminate()
        return
    try:
        await connection.execute("rollback")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        connection.terminate()


async def read_head(connection: asyncpg.Connection) -> Head:
    """Return the last batch, or the state before the first."""
    row = await store.last_batch(connection)
    if row is None:
        return Head(0, GENESIS, datetime.min.replace(tzinfo=UTC), 0)
    return Head(row["batch"], row["digest"], row["recorded_at"], row["registry_batch"])
