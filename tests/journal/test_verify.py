"""Verifying: a clean journal raises no alarm; every tampering is found, in the batch where it was done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
import zstandard

from meter.journal.digest_chain import Header, contents_text, link
from meter.journal.store import read_wire
from meter.journal.verify.journal import Checkpoint, VerifyReport, verify_journal
from meter.journal.write.delivery import digest_of_rows
from meter.kernels.chunked_digest import digest_in_pieces
from meter.registry.proof import facts_of_batches
from meter.registry.queries import rules_as_of
from tests.journal.example import fill
from tests.support.postgres import Cluster
from tests.support.serving import in_process


@pytest_asyncio.fixture(scope="module")
async def example(cluster: Cluster) -> AsyncIterator[asyncpg.Connection]:
    """Somebody with the password of a database that holds the example; every guard that a password lifts is lifted."""
    async with cluster.database() as url:
        async with in_process(url) as door:
            await fill(door)
        connection = await asyncpg.connect(url)
        await connection.execute("set session_replication_role = replica")
        try:
            yield connection
        finally:
            await connection.close()


@pytest_asyncio.fixture
async def copy(example: asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    """The example to tamper with; what is done to it is undone afterwards."""
    tampering = example.transaction(isolation="repeatable_read")
    await tampering.start()
    try:
        yield example
    finally:
        await tampering.rollback()


async def verify(connection: asyncpg.Connection, *checkpoints: Checkpoint) -> VerifyReport:
    """The report on a journal."""
    return await verify_journal(
        connection, read_facts=facts_of_batches, read_rules=rules_as_of, checkpoints=checkpoints
    )


async def batch_of(connection: asyncpg.Connection, condition: str) -> int:
    """The first batch that fits."""
    found = await connection.fetchval(f"select min(batch) from batch where {condition}")
    assert found is not None
    return int(found)


async def test_a_clean_journal_verifies_to_its_last_digest(copy: asyncpg.Connection) -> None:
    steps: list[tuple[int, int]] = []
    report = await verify_journal(
        copy, lambda done, of: steps.append((done, of)), read_facts=facts_of_batches, read_rules=rules_as_of
    )
    assert report.differences == []
    head = await copy.fetchrow("select batch, algorithm, digest from batch order by batch desc limit 1")
    assert (report.batch, report.digest) == (head["batch"], f"{head['algorithm']}:{head['digest'].hex()}")
    assert report.batches == head["batch"]
    assert report.records == await copy.fetchval("select count(*) from entry")
    assert steps[-1] == (head["batch"], head["batch"])


async def test_windows_of_one_batch_verify_alike(copy: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = await verify(copy)
    monkeypatch.setattr("meter.journal.verify.journal.WINDOW_RECORDS", 1)
    assert await verify(copy) == whole


async def test_the_digest_of_the_first_batch_can_be_made_with_the_standard_library(copy: asyncpg.Connection) -> None:
    row = await copy.fetchrow(
        "select b.*, s.name as source_name from batch b left join source s on s.id = b.source where batch = 1"
    )
    fields = {
        "accepted": row["accepted"], "batch": 1, "conflict": row["conflict"], "duplicate": row["duplicate"],
        "key_name": row["key_name"], "kind": row["kind"], "received": row["received"],
        "recorded_at": row["recorded_at"].isoformat(timespec="microseconds"), "refused": row["refused"],
        "registry_batch": row["registry_batch"], "source": row["source_name"],
    }  # fmt: skip
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n" + row["contents"]
    assert hashlib.new("sm3", bytes(32) + text.encode()).digest() == row["digest"]


USAGE_BATCH = "kind = 'usage' and accepted > 10"
TAMPERINGS: dict[str, tuple[str, str, str]] = {
    "a charge": (USAGE_BATCH, "update entry set charge_fen = charge_fen + 1 where batch = {b} and ordinal = 7", "rows"),
    "a time": (
        USAGE_BATCH,
        "update entry set ended_at = ended_at + interval '1 s' where batch = {b} and ordinal = 7",
        "rows",
    ),
    "a consumer": (USAGE_BATCH, "update entry set consumer = consumer + 1 where batch = {b} and ordinal = 7", "rows"),
    "a record deleted": (USAGE_BATCH, "delete from entry where batch = {b} and ordinal = 7", "rows"),
    "a record inserted": (
        USAGE_BATCH,
        "insert into entry select batch, 999, gen_random_uuid(), source, consumer, facility, chip, millicards, "
        "started_at, ended_at, charge_fen, purpose, via_platform, action, corrects, order_digest, evidence_digest "
        "from entry where batch = {b} and ordinal = 7",
        "rows",
    ),
    "two records swapped": (
        USAGE_BATCH,
        "update entry set ordinal = 15 - ordinal where batch = {b} and ordinal in (7, 8)",
        "rows",
    ),
    "a record moved to another batch": (
        USAGE_BATCH,
        "update entry set batch = batch + 1, ordinal = 999 where batch = {b} and ordinal = 7",
        "rows",
    ),
    "a record of no batch": (
        USAGE_BATCH,
        "update entry set batch = 1000000 where batch = {b} and ordinal = 7",
        "rows",
    ),
    "a body": (USAGE_BATCH, "update batch_body set body = '\\x00', codec = 'plain' where batch = {b}", "body"),
    "a body broken": (USAGE_BATCH, "update batch_body set body = '\\x00' where batch = {b}", "body"),
    "a body deleted": (USAGE_BATCH, "delete from batch_body where batch = {b}", "body"),
    "a count": (USAGE_BATCH, "update batch set duplicate = 1, received = received + 1 where batch = {b}", "digest"),
    "a moment": (
        USAGE_BATCH,
        "update batch set recorded_at = recorded_at - interval '1 us' where batch = {b}",
        "digest",
    ),
    "who sent it": (USAGE_BATCH, "update batch set key_name = 'x' where batch = {b}", "digest"),
    "a digest": (USAGE_BATCH, "update batch set digest = sha256('x') where batch = {b}", "digest"),
    "the algorithm": (USAGE_BATCH, "update batch set algorithm = 'sha256' where batch = {b}", "digest"),
    "an algorithm that is none": (USAGE_BATCH, "update batch set algorithm = 'md5' where batch = {b}", "digest"),
    "the contents": (USAGE_BATCH, "update batch set contents = '{{}}' where batch = {b}", "digest"),
    "the contents, unreadable": (USAGE_BATCH, "update batch set contents = 'x' where batch = {b}", "contents"),
    "a batch deleted": (USAGE_BATCH, "delete from batch where batch = {b}", "missing"),
    "a quarantined record": ("refused > 1", "update quarantine set record = 'x' where batch = {b}", "quarantine"),
    "a quarantined record deleted": (
        "refused > 1",
        "delete from quarantine where id = (select min(id) from quarantine where batch = {b})",
        "quarantine",
    ),
    "a quarantined record inserted": (
        "refused = 0 and kind = 'usage'",
        "insert into quarantine (batch, ordinal, source, status, code, detail, record, digest) "
        "values ({b}, 0, 1, 'refused', 'x', 'x', 'x', 'x')",
        "quarantine",
    ),
    "what is taken back": (
        "batch in (select batch from reversal)",
        "update reversal set charge_fen = charge_fen + 1 where batch = {b}",
        "reversal",
    ),
    "nothing taken back": (
        "batch in (select batch from reversal)",
        "delete from reversal where batch = {b}",
        "reversal",
    ),
    "something taken back that nobody corrects": (
        USAGE_BATCH,
        "insert into reversal select key, batch, 3, consumer, facility, chip, millicards, started_at, ended_at, "
        "charge_fen, purpose, via_platform from entry where batch = {b} and ordinal = 9",
        "reversal",
    ),
    "an entity's seat": (
        "kind = 'entities' and accepted = 2",
        "update entity_fact set region = '340200' where batch = {b}",
        "facts",
    ),
    "a bank account": (
        "kind = 'entities' and accepted = 2",
        "update entity_fact set bank_account = reverse(bank_account) where batch = {b}",
        "facts",
    ),
    "an item as it was said": (
        "kind = 'chips'",
        "update chip_fact set content = replace(content, '312', '313') where batch = {b}",
        "facts",
    ),
    "a rating": ("kind = 'chips'", "update chip_fact set tflops_fp16 = 313 where batch = {b}", "facts"),
    "an owner's share": (
        "batch in (select batch from facility_owner where share < 1)",
        "update facility_owner set share = 1 - share where batch = {b}",
        "facts",
    ),
    "an owner deleted": (
        "batch in (select batch from facility_owner where share < 1)",
        "delete from facility_owner where batch = {b} and share = 0.4",
        "facts",
    ),
    "a capacity": (
        "batch in (select batch from facility_fact where capacity is not null)",
        "update facility_fact set capacity = jsonb_set(capacity, '{{0,cards}}', '9') where batch = {b}",
        "facts",
    ),
    "a holding's end": (
        "kind = 'holdings'",
        "update holding_fact set valid_to = valid_to + 1 where batch = {b}",
        "facts",
    ),
    "an expenditure": (
        "kind = 'expenditures'",
        "update expenditure_fact set amount_fen = 6 where batch = {b} and amount_fen < 0",
        "facts",
    ),
    "a fact deleted": (
        "kind = 'expenditures'",
        "delete from expenditure_fact where batch = {b} and amount_fen < 0",
        "facts",
    ),
    "a control total": ("kind = 'control_totals'", "update control_total set records = 4 where batch = {b}", "facts"),
    "a control total's source": (
        "kind = 'control_totals'",
        "update control_total set source = 2 where batch = {b}",
        "facts",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("where", "change", "what"), TAMPERINGS.values(), ids=TAMPERINGS.keys())
async def test_a_tampering_is_found_in_its_batch(copy: asyncpg.Connection, where: str, change: str, what: str) -> None:
    batch = await batch_of(copy, where)
    changed = await copy.execute(change.format(b=batch))
    assert changed.rsplit(" ", 1)[1] != "0", "the tampering must have hit"
    report = await verify(copy)
    assert report.first is not None
    assert (report.first.batch, what) in [(one.batch, one.what) for one in report.differences]
    assert report.first.batch == batch


async def test_a_renamed_party_is_found(copy: asyncpg.Connection) -> None:
    await copy.execute("update party set uscc = repeat('x', 18) where id = (select max(consumer) from entry)")
    report = await verify(copy)
    assert "names" in {one.what for one in report.differences}


async def test_a_name_that_no_batch_brought_is_found(copy: asyncpg.Connection) -> None:
    await copy.execute("insert into party select max(id) + 1, repeat('x', 18) from party")
    report = await verify(copy)
    assert [one.what for one in report.differences] == ["names"]


async def test_a_renamed_source_is_found_in_every_batch_of_it(copy: asyncpg.Connection) -> None:
    await copy.execute("update source set name = 'three' where name = 'two'")
    report = await verify(copy)
    of_two = await copy.fetch(
        "select batch from batch b join source s on s.id = b.source where s.name = 'three' order by batch"
    )
    assert [(one.batch, one.what) for one in report.differences] == [(row["batch"], "digest") for row in of_two]


async def test_a_record_recorded_twice_is_found_even_with_good_digests(copy: asyncpg.Connection) -> None:
    batch = await batch_of(copy, USAGE_BATCH)
    key = await copy.fetchval("select key from entry where batch = $1 and ordinal = 7", batch)
    await copy.execute("update entry set key = $2 where batch = $1 and ordinal = 8", batch, key)
    await recompute(copy, batch)
    report = await verify(copy)
    assert [(one.batch, one.what) for one in report.differences] == [(batch, "as_received"), (batch, "twice")]


async def test_several_tamperings_are_all_located(copy: asyncpg.Connection) -> None:
    batches = [row["batch"] for row in await copy.fetch("select distinct batch from entry order by batch")]
    chosen = batches[::2]
    await copy.execute("update entry set purpose = 2 where batch = any($1::bigint[])", chosen)
    report = await verify(copy)
    rows = [one.batch for one in report.differences if one.what == "rows"]
    assert rows == [batch for batch in chosen if batch in rows]
    assert len(rows) >= len(chosen) - 1, "all but a void, which has no purpose to change"


async def rewrite_body(connection: asyncpg.Connection, batch: int, old: bytes, new: bytes) -> None:
    """Change what was received in a batch."""
    kept = await connection.fetchval("select body from batch_body where batch = $1", batch)
    body = zstandard.decompress(kept)
    assert body.count(old) == 1
    await connection.execute(
        "update batch_body set body = $2 where batch = $1", batch, zstandard.compress(body.replace(old, new))
    )


async def recompute(connection: asyncpg.Connection, first: int) -> None:
    """Recompute digests from a batch on, as a forger with the code would."""
    for row in await connection.fetch(
        "select b.*, s.name as source_name from batch b left join source s on s.id = b.source "
        "where batch >= $1 order by batch",
        first,
    ):
        contents = json.loads(row["contents"])
        if "rows" in contents:
            contents["rows"] = digest_of_rows(row["algorithm"], await read_wire(connection, row["batch"], row["batch"]))
        if "body" in contents and "rows" in contents:
            kept = await connection.fetchval("select body from batch_body where batch = $1", row["batch"])
            contents["body"] = digest_in_pieces(row["algorithm"], zstandard.decompress(kept))
        previous = await connection.fetchval("select digest from batch where batch = $1", row["batch"] - 1)
        header = Header(
            row["batch"], row["kind"], row["source_name"], row["recorded_at"], row["received"], row["accepted"],
            row["duplicate"], row["conflict"], row["refused"], row["registry_batch"], row["key_name"], contents,
        )  # fmt: skip
        digest = link(row["algorithm"], previous or bytes(32), header)
        await connection.execute(
            "update batch set contents = $2, digest = $3 where batch = $1",
            row["batch"],
            contents_text(contents),
            digest,
        )


async def checkpoint_at(connection: asyncpg.Connection, batch: int) -> Checkpoint:
    """A checkpoint as it would have been exported."""
    row = await connection.fetchrow("select algorithm, digest from batch where batch = $1", batch)
    return Checkpoint(batch, f"{row['algorithm']}:{row['digest'].hex()}")


async def test_a_change_with_recomputed_digests_is_found_beside_a_checkpoint_only(copy: asyncpg.Connection) -> None:
    head = await batch_of(copy, "batch = (select max(batch) from batch)")
    checkpoint = await checkpoint_at(copy, head)
    batch = await batch_of(copy, USAGE_BATCH)
    await copy.execute("update entry set charge_fen = 0 where batch = $1 and ordinal = 7", batch)
    await rewrite_body(copy, batch, b'"charge_fen": 7,', b'"charge_fen": 0,')
    await recompute(copy, batch)
    assert (await verify(copy)).equal, "whoever rewrites and recomputes everything leaves no trace inside"
    report = await verify(copy, checkpoint)
    assert [(one.batch, one.what) for one in report.differences] == [(head, "checkpoint")]


async def test_digests_recomputed_for_one_batch_only_break_the_chain_after_it(copy: asyncpg.Connection) -> None:
    batch = await batch_of(copy, USAGE_BATCH)
    await copy.execute("update entry set charge_fen = 0 where batch = $1 and ordinal = 7", batch)
    await rewrite_body(copy, batch, b'"charge_fen": 7,', b'"charge_fen": 0,')
    keep = await copy.fetch("select batch, digest from batch where batch > $1", batch)
    await recompute(copy, batch)
    for row in keep:
        await copy.execute("update batch set digest = $2 where batch = $1", row["batch"], row["digest"])
    report = await verify(copy)
    assert [(one.batch, one.what) for one in report.differences] == [(batch + 1, "digest")]


async def test_a_tail_cut_off_is_found_beside_a_checkpoint(copy: asyncpg.Connection) -> None:
    head = await batch_of(copy, "batch = (select max(batch) from batch)")
    checkpoint = await checkpoint_at(copy, head)
    for table in ("entry", "reversal", "quarantine", "quarantine_release", "batch_body", "batch"):
        await copy.execute(f"delete from {table} where batch >= $1", head - 1)
    assert (await verify(copy)).equal
    report = await verify(copy, checkpoint)
    assert [(one.batch, one.what) for one in report.differences] == [(head - 1, "cut")]


async def test_a_tail_cut_off_carelessly_leaves_records_of_no_batch(copy: asyncpg.Connection) -> None:
    head = await batch_of(copy, "batch = (select max(batch) from batch)")
    await copy.execute("delete from batch where batch = $1", head)
    report = await verify(copy)
    assert [(one.batch, one.what) for one in report.differences] == [(head, "stray")]


async def test_an_honest_checkpoint_raises_no_alarm(copy: asyncpg.Connection) -> None:
    assert (await verify(copy, await checkpoint_at(copy, 3), await checkpoint_at(copy, 9))).equal


# long: one tampering after the other, on one journal
