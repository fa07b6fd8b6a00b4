"""Paying through files: what was handed over waits for its answer, and what cannot be booked is set aside."""

from __future__ import annotations

import json
import os
from pathlib import Path

import asyncpg
import pytest

from meter.database.scope import PROVINCE, acting
from tests.payout.conftest import Paying
from tests.payout.files import answer, balance, events, instruction, instructions, refusals, run_job
from tests.support.api_client import good, problem
from tests.support.worlds import post

GOOD = {"status": "paid", "bank_reference": "B1", "amount_fen": 20_000}


class Crash(BaseException):
    """The job dies here."""


async def test_what_is_handed_over_makes_room_for_the_next_and_is_booked_whenever_the_bank_answers(
    paying: Paying, tmp_path: Path
) -> None:
    for number in range(3):
        done = await run_job(paying, tmp_path, limit=6, seconds=62 * number)
        assert [one["status"] for one in done] == ["handed_over"] * 6, "those before it wait, and take no room"
    everything = await instructions(paying)
    assert {one["handed_over_as"] for one in everything} == {f"{one['reference']}.json" for one in everything}
    assert {one["handed_over_as"] for one in everything} == {path.name for path in (tmp_path / "out").iterdir()}
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "out").iterdir()} == {0o600}
    for one in everything[:9]:
        answer(tmp_path, one["reference"])
    assert len(await run_job(paying, tmp_path, seconds=300)) == 9
    for one in everything[9:]:
        answer(tmp_path, one["reference"])
    assert len(await run_job(paying, tmp_path, seconds=9 * 86_400)) == 9
    assert await run_job(paying, tmp_path, seconds=10 * 86_400) == [], "an answer that stays there is no news"
    assert {one["status"] for one in await instructions(paying)} == {"paid"}
    assert sum((await balance(paying)).values()) == sum(one["amount_fen"] for one in everything)


@pytest.mark.parametrize("step", ["claim", "write", "mark"])
async def test_a_crash_at_any_step_leaves_one_file_that_a_later_pass_takes_up(
    paying: Paying, tmp_path: Path, step: str
) -> None:
    def die(reached: str) -> None:
        if reached == step:
            raise Crash

    with pytest.raises(Crash):
        await run_job(paying, tmp_path, step=die)
    there = {path.name: path.stat().st_ino for path in (tmp_path / "out").iterdir()}
    assert len(there) == (1 if step == "mark" else 0)
    assert len(await run_job(paying, tmp_path, seconds=62)) == 18
    after = {path.name: path.stat().st_ino for path in (tmp_path / "out").iterdir()}
    assert len(after) == 18
    assert there.items() <= after.items(), "what stands there is not written again"


async def test_a_file_that_differs_is_not_overwritten_and_the_rest_goes_on(paying: Paying, tmp_path: Path) -> None:
    first, second = (await instructions(paying))[:2]
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f"{first['reference']}.json").write_text("{}")
    (tmp_path / "out" / f"{second['reference']}.json").symlink_to("nowhere")
    done = await run_job(paying, tmp_path)
    assert sorted(one["status"] for one in done) == ["FILE_DIFFERS"] * 2 + ["handed_over"] * 16
    assert (tmp_path / "out" / f"{first['reference']}.json").read_text() == "{}"
    assert {one["code"] for one in await refusals(paying)} == {"FILE_DIFFERS"}


def bad_files(folder: Path) -> dict[bytes, str]:
    """Everything that a bank's folder can hold and that is not an answer: its name and why it is refused."""
    made: dict[bytes, str] = {}

    def put(name: bytes, contents: bytes, code: str = "ANSWER_NOT_UNDERSTOOD") -> None:
        (folder / os.fsdecode(name)).write_bytes(contents)
        made[name] = code

    def said(**changed: object) -> bytes:
        return json.dumps({**GOOD, **changed}).encode()

    put(b"deep.json", b"[" * 200_000)
    put(b"deep-small.json", b"[" * 1_000 + b"]" * 1_000)
    put(b"huge.json", b" " * 100_000 + said())
    put(b"large.json", said(amount_fen=2**63))
    put(b"none.json", said(amount_fen=0))
    put(b"true.json", said(amount_fen=True))
    put(b"digits.json", b'{"status": "paid", "bank_reference": "B1", "amount_fen": ' + b"9" * 6_000 + b"}")
    put(b"nan.json", b'{"status": "paid", "bank_reference": "B1", "amount_fen": NaN}')
    put(b"nul.json", said(bank_reference="B\0"), "BANK_REFERENCE_INVALID")
    put(b"half.json", said(bank_reference="B\ud800"), "BANK_REFERENCE_INVALID")
    put(b"long.json", said(bank_reference="B" * 65), "BANK_REFERENCE_INVALID")
    put(b"wide.json", said(bank_reference="Ｂ1"), "BANK_REFERENCE_INVALID")
    put(b"number.json", said(bank_reference=7), "BANK_REFERENCE_INVALID")
    put(b"null.json", said(bank_reference=None), "BANK_REFERENCE_MISSING")
    put(b"blank.json", said(bank_reference="  "), "BANK_REFERENCE_MISSING")
    put(b"twice.json", b'{"status": "failed", "status": "paid", "bank_reference": "B1", "amount_fen": 20000}')
    put(b"gbk.json", '{"status": "支付"}'.encode("gbk"))
    put(b"array.json", b"[1]")
    put(b"inner.json", b'{"status": "paid", "bank_reference": "B1", "amount_fen": 20000, "more": {"a": 1, "a": 2}}')
    put(b"float.json", said(amount_fen=20_000.0))
    put(b"words.json", said(amount_fen="20000"))
    put(b"marked.json", b"\xef\xbb\xbf" + said())
    put(b"trailing.json", said() + b"{}")
    put(b"LOUD.JSON", said(), "NO_SUCH_REFERENCE")
    put(b"full-width-blank.json", said(bank_reference="\u3000"), "BANK_REFERENCE_INVALID")
    put(b"empty.json", b"")
    put(b"status.json", said(status="PAID"))
    put(b"other.json", said(reference="SB-another"))
    put(b"stranger.json", said(), "NO_SUCH_REFERENCE")
    put(b"\xff\xfe.json", said())
    put(b"line\nbreak.json", said())
    (folder / "folder.json").mkdir()
    (folder / "link.json").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.json")
    return made | dict.fromkeys((b"folder.json", b"link.json", b"pipe.json"), "ANSWER_NOT_UNDERSTOOD")


async def test_every_bad_file_is_set_aside_with_its_reason_and_the_rest_is_booked(
    paying: Paying, tmp_path: Path
) -> None:
    await run_job(paying, tmp_path)
    first, last = (await instructions(paying))[0], (await instructions(paying))[-1]
    wanted = bad_files(tmp_path / "in")
    for one in (first, last):
        answer(tmp_path, one["reference"])
    done = await run_job(paying, tmp_path, seconds=5)
    assert sum(one["status"].startswith("set aside: ") for one in done) == len(wanted)
    assert [one["status"] for one in done if not one["status"].startswith("set aside")] == ["paid", "paid"]
    aside = {os.fsencode(path.name): path for path in (tmp_path / "in" / "set-aside").iterdir()}
    assert set(aside) == set(wanted) | {name + b".reason" for name in wanted}
    reasons = {name: aside[name + b".reason"].read_text().split(":")[0] for name in wanted}
    assert reasons == wanted
    kept = await refusals(paying)
    assert sorted(one["code"] for one in kept) == sorted(wanted.values())
    assert len(await balance(paying)) == 2, "nothing else is booked"
    assert await run_job(paying, tmp_path, seconds=10) == [], "once set aside it is done"
    answer(tmp_path, first["reference"])
    (tmp_path / "in" / "empty.json").write_bytes(b"")
    await run_job(paying, tmp_path, seconds=15)
    assert (tmp_path / "in" / "set-aside" / "empty.json.2").exists(), "one of the same name overwrites nothing"


async def test_a_name_as_long_as_a_name_can_be_is_set_aside_too(paying: Paying, tmp_path: Path) -> None:
    await run_job(paying, tmp_path)
    (tmp_path / "in" / f"{'x' * 250}.json").write_bytes(b"{}")
    [one] = await run_job(paying, tmp_path, seconds=5)
    assert one["status"] == "set aside: ANSWER_NOT_UNDERSTOOD"
    assert await run_job(paying, tmp_path, seconds=10) == [], "once set aside it is done"
    kept = sorted(path.name for path in (tmp_path / "in" / "set-aside").iterdir())
    assert kept == ["x" * 200, f"{'x' * 200}.reason"]


async def test_a_reference_of_the_bank_is_trimmed(paying: Paying, tmp_path: Path) -> None:
    await run_job(paying, tmp_path)
    one = (await instructions(paying))[0]
    answer(tmp_path, one["reference"], bank_reference=" R2 ")
    await run_job(paying, tmp_path, seconds=5)
    assert (await instruction(paying, one["id"]))["bank_reference"] == "R2"


async def test_what_came_back_before_we_heard_that_it_was_paid_is_booked_as_both(
    paying: Paying, tmp_path: Path
) -> None:
    await run_job(paying, tmp_path)
    one = (await instructions(paying))[0]
    answer(tmp_path, one["reference"], "returned", bank_reference="R1")
    await run_job(paying, tmp_path, seconds=5)
    found = await events(paying, one["id"])
    assert [(event["after"], event["moved_fen"]) for event in found[-2:]] == [
        ("paid", one["amount_fen"]), ("returned", -one["amount_fen"]),
    ]  # fmt: skip
    assert await balance(paying) == {"R1": 0}


async def test_what_is_refused_is_kept_where_people_look(paying: Paying, tmp_path: Path) -> None:
    """At the payment, in the audit log and in the numbers that are watched; a dispute is an event of its own."""
    await run_job(paying, tmp_path)
    one, other = (await instructions(paying))[:2]
    taken = await post(paying.people.payer, f"/payouts/{one['id']}/returned", {"bank_reference": "R1"})
    assert problem(taken) == (409, "LEASE_LOST"), "it went out as a file, so the answer comes as a file"
    (tmp_path / "in" / f"{other['reference']}.json").write_text("{")
    await run_job(paying, tmp_path, seconds=5)
    kept = {(row["word"], row["code"]): row for row in await refusals(paying)}
    assert kept["returned", "LEASE_LOST"]["instruction"] == one["id"]
    assert kept["answer", "ANSWER_NOT_UNDERSTOOD"]["file"] == f"{other['reference']}.json"
    rows = await paying.owner.fetch("select action, object, result from audit where result = 'refused'")
    assert ("payout.returned", str(one["id"]), "refused") in {tuple(row) for row in rows}
    assert ("payout.answer", f"{other['reference']}.json", "refused") in {tuple(row) for row in rows}
    with pytest.raises(asyncpg.CheckViolationError):
        await paying.owner.execute("delete from payout_refusal")


async def test_nothing_without_an_account_goes_to_a_bank(paying: Paying, tmp_path: Path) -> None:
    numbers = [row["id"] for row in await paying.owner.fetch("select id from payout_instruction order by id")]
    async with paying.owner.transaction():
        await paying.owner.execute("set local session_replication_role = replica")
        await paying.owner.execute("update payout_instruction set account = null where id = any($1)", numbers[:5])
    answered = good(await post(paying.people.payer, "/payouts/claim", {"limit": 3, "worker": "w"}))
    assert [one["id"] for one in answered["items"]] == numbers[5:8]
    assert [(one["id"], one["code"]) for one in answered["refused"]] == [
        (number, "ACCOUNT_MISSING") for number in numbers[:3]
    ]
    done = await run_job(paying, tmp_path)
    assert sorted(one["status"] for one in done) == ["ACCOUNT_MISSING"] * 5 + ["handed_over"] * 10
    written = [json.loads(path.read_bytes()) for path in (tmp_path / "out").iterdir()]
    assert all(one["account"] for one in written)
    with acting(PROVINCE), pytest.raises(asyncpg.CheckViolationError, match="no bank account"):
        await paying.owner.execute(
            """insert into payout_event (instruction, before, after, actor, at, transaction, reference, moved_fen,
               detail) values ($1, '', 'leased', 'key:x', now(), 0, '', 0, '{"worker": "w", "lease": 60}')""",
            numbers[0],
        )
