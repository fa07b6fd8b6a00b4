"""A checkpoint of the form that was written before still says what differs from it."""

from __future__ import annotations

from typing import Any

from meter.registry.proof import facts_of_batches
from meter.registry.queries import rules_as_of
from settlement.checkpoint.former import check_former
from settlement.checkpoint.statement import lines_of
from tests.evidence.conftest import Original
from tests.security.tampering import Inside, owner_connection


async def test_a_checkpoint_of_the_form_before_still_says_what_differs(original: Original) -> None:
    connection = await owner_connection(original.url)
    try:
        batches = await connection.fetch(
            "select batch, algorithm || ':' || encode(digest, 'hex') as digest from batch order by 1"
        )
        rows = await connection.fetch("select seq, digest from audit order by 1")
        (one,) = await connection.fetch("select id, digest from settlement where status = 'locked'")
        statement: dict[str, Any] = {
            "format": "suanbu-checkpoint/1", "journal": {"last": len(batches), "marks": [list(b) for b in batches]},
            "audit": {"last": len(rows), "marks": [list(row) for row in rows]},
            "settlements": [{"id": one["id"], "digest": one["digest"], **await lines_of(connection, one["id"])}],
        }  # fmt: skip
        assert await check_former(connection, statement, read_facts=facts_of_batches, read_rules=rules_as_of) == []
        for do, where in (
            ("update audit set digest = 'sha256:other' where seq = 7", "row 7"),
            ("delete from audit where seq > 20", "row 21"),
            ("delete from batch where batch > 3", "batch 4"),
            ("update batch set digest = sha256(digest) where batch = 5", "batch 5"),
        ):
            transaction = connection.transaction(isolation="repeatable_read")
            await transaction.start()
            await connection.execute("set local session_replication_role = replica")
            await connection.execute(do)
            found = await check_former(
                Inside(connection), statement, read_facts=facts_of_batches, read_rules=rules_as_of
            )
            assert where in {one.where for one in found}, do
            await transaction.rollback()
        statement["settlements"][0]["lines_sha256"] = "sha256:other"
        statement["settlements"][0]["marks"][0][2] = "other"
        (only,) = await check_former(connection, statement, read_facts=facts_of_batches, read_rules=rules_as_of)
        assert only.where.startswith(f"{one['id']} line ")
    finally:
        await connection.close()
