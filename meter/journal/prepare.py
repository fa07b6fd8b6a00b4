"""From a request body to a delivery: decoded, checked, compressed and digested, before any transaction begins.

Everything here is pure, needs no database and may run in any thread; the kernels run without the interpreter lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import zstandard

from meter.intake.body import decoded
from meter.intake.receive import receive
from meter.intake.registry_view.registered import Registered
from meter.journal.write.delivery import Delivery, digest_of_rows
from meter.kernels.chunked_digest import digest_in_pieces

COMPRESSION = zstandard.ZstdCompressionParameters.from_level(1, hash_log=12)  # its table fits the nearest cache


class Sent(NamedTuple):
    """A body as it was sent, with what its headers say of it."""

    body: bytes
    content_type: str
    encoding: str | None


def prepare(
    sent: Sent,
    source: tuple[int, str],
    registered: Registered,
    *,
    algorithm: str,
    key_name: str,
    kind: str = "usage",
    releases: Mapping[int, int] | None = None,
    era: int = 0,
) -> Delivery:
    """Make the delivery of a body as it was sent; raises BodyError where it is not a batch.

    `releases` belongs to a replay: position in the body -> the quarantine number that is released when it is accepted.
    `era` is that of the database which knows the source (meter/database/known_database.py).
    """
    plain = decoded(sent.body, sent.encoding)
    # first: what is not a batch is not worth digests and compression
    received = receive(plain, sent.content_type, None, registered, source[0])
    delivery = Delivery(
        source=source,
        key_name=key_name,
        content_type=sent.content_type,
        body=plain,
        compressed=compressed(plain),
        body_digest=digest_in_pieces(algorithm, plain),
        received=received,
        version=registered.version,
        era=min(era, registered.era),
        kind=kind,
        releases=releases or {},
    )
    rows = delivery.rows_for_journal()
    if not rows.nameless:
        delivery.rows_digest = digest_of_rows(algorithm, rows.wire)
    return delivery


def prepare_again(delivery: Delivery, registered: Registered) -> None:
    """Check the records of a delivery against a registry that has moved on; their rows are made anew when needed."""
    delivery.received = receive(delivery.body, delivery.content_type, None, registered, delivery.source[0])
    delivery.version = registered.version
    delivery.rows = delivery.rows_digest = None


def compressed(body: bytes) -> bytes:
    """Compress a body as it is kept (zstd)."""
    return zstandard.ZstdCompressor(compression_params=COMPRESSION).compress(body)
