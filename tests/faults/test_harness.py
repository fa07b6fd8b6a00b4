"""The harness itself: its oracle finds what is lost, doubled or strange, and a seed that fails is kept."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from tests.faults.harness import seeds
from tests.faults.harness.client import Journal
from tests.faults.harness.content import EXTRAS_EVERY, Batch
from tests.faults.harness.oracle import judge
from tests.faults.harness.scale import IS_BRIEF
from tests.faults.harness.seeds import SEED, kept_when_it_fails, seeds_of
from tests.support.api_client import ApiClient, counts, good
from tests.support.records import NDJSON

RECORDS = 20
SENT = [Batch("o", number, RECORDS) for number in range(EXTRAS_EVERY)]


async def test_the_oracle_agrees_with_what_was_sent_and_with_nothing_else(
    app: ApiClient, owner: asyncpg.Connection
) -> None:
    await app.register_the_usual()
    platform, reader = await app.platform("oracle"), await app.holder("usage:read")
    for batch in SENT:
        receipt = good(await platform.send(batch.body(), NDJSON))
        assert counts(receipt) == [*batch.counts, 0]
    assert SENT[-1].has_extras, "repeats, a conflict and a void are among them"
    fair = await judge(owner, "oracle", SENT, reader)
    assert (fair.lost, fair.doubled, fair.strangers, fair.differences) == (0, 0, 0, [])
    lost = await judge(owner, "oracle", [*SENT, Batch("o", len(SENT), RECORDS)], reader)
    assert (lost.lost, lost.doubled, lost.strangers) == (RECORDS, 0, 0)
    strange = await judge(owner, "oracle", SENT[:-1], reader)
    assert (strange.lost, strange.doubled, strange.strangers) == (0, 0, RECORDS + 1)
    assert all(any(one.startswith(what) for one in strange.differences) for what in ("entries", "conflicts", "fen"))
    await owner.execute("set session_replication_role = replica")  # past every guard
    await owner.execute(
        "insert into entry select (jsonb_populate_record(e, jsonb_build_object('ordinal', e.ordinal + 1000))).* "
        "from entry e limit 1"
    )
    assert (await judge(owner, "oracle", SENT, reader)).doubled == 1


def test_a_journal_that_was_cut_off_goes_on_after_its_last_whole_line(tmp_path: Path) -> None:
    journal = Journal.at(tmp_path / "lane")
    journal.write("S 0")
    journal.write("A 0 20")
    journal.write("S 1")
    with journal.path.open("ab") as file:
        file.write(b"A 1")  # killed in the middle of a line
    again = Journal.at(journal.path)
    assert (again.sent, again.acknowledged) == (1, 0), "it is sent once more"
    again.write("A 1 0")
    assert (Journal.at(journal.path).acknowledged, Journal.at(journal.path).found) == (1, 1)


def test_a_seed_that_fails_is_kept_once_and_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeds, "KEPT", tmp_path / "seeds.txt")
    seeds.KEPT.write_text("# a comment\n")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), kept_when_it_fails("storm", SEED + 1):
            raise ZeroDivisionError
    with kept_when_it_fails("storm", SEED + 2):
        pass
    assert seeds.KEPT.read_text().splitlines()[1:] == [f"storm {SEED + 1}"]
    assert seeds_of("storm") == ([SEED, SEED + 1] if IS_BRIEF else [SEED])
    assert seeds_of("close") == [SEED]
