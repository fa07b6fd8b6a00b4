"""Deliveries made of bodies: the same however they were sent, and checked again when the registry has moved on."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable

import pytest
import zstandard

from meter.intake import DatedCode
from meter.intake.codes import BodyError
from meter.intake.registry_view.registered import Registered
from meter.journal.digest_chain import SM3
from meter.journal.prepare import Sent, prepare, prepare_again
from meter.journal.write.delivery import Delivery, digest_of_rows
from meter.kernels.chunked_digest import digest_in_pieces
from tests.intake.sample import GOOD, REGISTERED
from tests.support.records import NDJSON

SOURCE = (5, "platform")
PACKED: dict[str | None, Callable[[bytes], bytes]] = {None: bytes, "gzip": gzip.compress, "zstd": zstandard.compress}


def lines(*records: dict[str, object]) -> bytes:
    """Records as NDJSON."""
    return "\n".join(json.dumps(record, ensure_ascii=False) for record in records).encode()


def prepared(body: bytes, registered: Registered = REGISTERED, encoding: str | None = None) -> Delivery:
    """The delivery of a body."""
    return prepare(Sent(body, NDJSON, encoding), SOURCE, registered, algorithm=SM3, key_name="key")


@pytest.mark.parametrize("encoding", PACKED)
def test_a_delivery_is_the_same_however_its_body_was_sent(encoding: str | None) -> None:
    body = lines(GOOD, GOOD | {"id": "e2"}, {"id": "e3"})
    delivery = prepared(PACKED[encoding](body), encoding=encoding)
    assert delivery.body == body
    assert zstandard.decompress(delivery.compressed) == body
    assert delivery.body_digest == digest_in_pieces(SM3, body)
    assert [refusal.index for refusal in delivery.received.refused] == [2]
    rows = delivery.rows_for_journal()
    assert rows.wire.tobytes() == prepared(body).rows_for_journal().wire.tobytes()
    assert rows.wire["source"].tolist() == [5, 5]
    assert delivery.rows_digest == digest_of_rows(SM3, rows.wire)


def test_rows_are_digested_ahead_only_when_every_consumer_has_a_number() -> None:
    nameless = Registered.of(1, [DatedCode("hf-01", 1)], [DatedCode(str(GOOD["chip"]), 2)])
    delivery = prepared(lines(GOOD | {"facility": "hf-01"}), nameless)
    assert len(delivery.received.records) == 1
    assert delivery.rows_for_journal().nameless == 1
    assert delivery.rows_digest is None


def test_a_delivery_is_checked_again_against_what_the_registry_knows_now() -> None:
    body = lines(GOOD, GOOD | {"id": "e2", "facility": "hf-99"})
    delivery = prepared(body)
    assert [str(refusal.code) for refusal in delivery.received.refused] == ["unknown_facility"]
    assert delivery.version == REGISTERED.version
    later = REGISTERED.extended(REGISTERED.version + 1, facilities=[DatedCode("hf-99", 99)])
    prepare_again(delivery, later)
    assert delivery.received.refused == ()
    assert delivery.version == later.version
    assert delivery.rows_digest is None, "it was of other rows"
    assert delivery.rows_for_journal().wire.tobytes() == prepared(body, later).rows_for_journal().wire.tobytes()


@pytest.mark.parametrize("body", [b"", b"\xef\xbb\xbf{}"])
def test_what_is_not_a_batch_is_not_a_delivery(body: bytes) -> None:
    with pytest.raises(BodyError):
        prepared(body)
