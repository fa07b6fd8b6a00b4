"""Batch files through our own job: a file goes out once whatever dies, and what comes back is booked line by line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from settlement.payout.batch_files import BatchFiles
from settlement.payout.batch_format import answer_file
from settlement.payout.boundary import listening
from settlement.payout.folder import Folder
from settlement.payout.gateways import BatchGateway
from tests.bank.behaviour import Behaviour
from tests.bank.journal import Journal
from tests.bank.wire import FileBank
from tests.payout.conftest import Paying
from tests.payout.files import balance, events, instructions, refusals
from tests.payout.released import a_pass, released
from tests.support.api_client import good
from tests.support.worlds import post


class Crash(BaseException):
    """The job dies here."""


def gateway_at(folder: Path, encoding: str = "utf-8") -> BatchGateway:
    """The gateway over a folder."""
    return BatchGateway(BatchFiles(Folder(folder), encoding, ask_after=timedelta(hours=24)))


def bank_at(folder: Path, *ways: str, encoding: str = "utf-8") -> FileBank:
    """A bank that reads and answers in the folder."""
    mind = Behaviour(Journal.at(folder.with_name("journal")), ways or ("ok",))
    return FileBank(mind, folder, encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
async def test_one_file_goes_out_and_its_answer_is_booked(paying: Paying, tmp_path: Path, encoding: str) -> None:
    folder = tmp_path / "bank"
    gateway, bank = gateway_at(folder, encoding), bank_at(folder, encoding=encoding)
    assert await a_pass(paying, gateway) == []
    await released(paying)
    done = await a_pass(paying, gateway)
    assert {one["status"] for one in done} == {"handed_over"}
    [out] = list((folder / "out").iterdir())
    assert {one["handed_over_as"] for one in done} == {out.name}
    assert out.stat().st_mode & 0o077 == 0, "accounts in plain are for nobody else"
    assert await a_pass(paying, gateway, hours=1) == [], "what went out as a file is not leased again"
    bank.work()
    paid = await a_pass(paying, gateway, hours=2)
    assert {one["status"] for one in paid} == {"paid"}
    assert await balance(paying) == bank.mind.journal.balance()
    assert [path.suffix for path in (folder / "in" / "done").iterdir()] == [".csv"]
    [file] = await paying.owner.fetch("select name, encoding, instructions from payout_file")
    assert tuple(file) == (out.name, encoding, 18)


async def test_a_file_is_let_go_once_wherever_the_job_dies(paying: Paying, tmp_path: Path) -> None:
    folder = tmp_path / "bank"
    numbers = [one["id"] for one in await instructions(paying)]
    died: list[str] = []
    sent: dict[str, bytes] = {}
    for place, number in enumerate(numbers):
        await released(paying, [number])
        crashed = False
        try:
            with listening(_dying_at(place, died)):
                await a_pass(paying, gateway_at(folder), hours=2 * place)
        except Crash:
            crashed = True
        _taken_away(folder, sent)
        await a_pass(paying, gateway_at(folder), hours=2 * place + 1)
        _taken_away(folder, sent)
        if not crashed:
            break
    assert not crashed, "there are more places to die than payments"
    assert {"let the file go: before", "let the file go: after", "hand over: committed"} <= set(died)
    assert list((folder / "ready").iterdir()) == []
    numbers = numbers[: place + 1]
    paid = [reference for raw in sent.values() for reference in _references(raw)]
    assert len(paid) == len(set(paid)), "a payment stands in two files"
    waiting = [one for one in await instructions(paying) if one["status"] == "handed_over"]
    assert [one["id"] for one in waiting] == numbers
    assert {one["reference"] for one in waiting} == set(paid)
    assert {one["handed_over_as"] for one in waiting} == {name for name in sent if name.startswith("SBPAY")}


def _taken_away(folder: Path, sent: dict[str, bytes]) -> None:
    """The bank takes every file away at once."""
    for path in list((folder / "out").iterdir()):
        assert path.name not in sent, "a file went out twice"
        sent[path.name] = path.read_bytes()
        path.unlink()


def _dying_at(place: int, died: list[str]) -> Callable[[str], None]:
    left = [place]

    def reached(name: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            died.append(name)
            raise Crash

    return reached


def _references(raw: bytes) -> list[str]:
    lines = raw.decode().split("\r\n")
    return [line.split('","')[0].strip('"') for line in lines[2:-2]] if b"SUANBU-PAY" in raw else []


async def test_what_the_bank_does_not_find_is_believed_only_after_a_day(paying: Paying, tmp_path: Path) -> None:
    folder = tmp_path / "bank"
    gateway, bank = gateway_at(folder), bank_at(folder, "not received", "not found until tomorrow")
    numbers = [one["id"] for one in await instructions(paying)][:2]
    await released(paying, numbers)
    await a_pass(paying, gateway)
    bank.work()
    assert await a_pass(paying, gateway, hours=20) == []
    assert [path.name for path in (folder / "out").iterdir()] == [], "it is too early to ask"
    await a_pass(paying, gateway, hours=25)
    [question] = list((folder / "out").iterdir())
    assert question.name.startswith("SBASK-")
    bank.mind.night()
    bank.work()
    await a_pass(paying, gateway, hours=26)
    states = {one["id"]: one["status"] for one in await instructions(paying)}
    assert sorted(states[one] for one in numbers) == ["failed", "paid"]
    failed = next(one for one in numbers if states[one] == "failed")
    assert (await events(paying, failed))[-1]["detail"]["not_found"] is True
    issued = good(await post(paying.people.approver, f"/payouts/{failed}/retry"))
    await released(paying, [failed])
    await a_pass(paying, gateway, hours=27)
    bank.work()
    [paid] = await a_pass(paying, gateway, hours=28)
    assert (paid["status"], paid["reference"]) == ("paid", issued["reference"])
    assert await balance(paying) == bank.mind.journal.balance()


async def test_bad_files_are_set_aside_with_a_reason_and_the_rest_goes_on(paying: Paying, tmp_path: Path) -> None:
    folder = tmp_path / "bank"
    gateway, bank = gateway_at(folder), bank_at(folder, "garbage", "duplicate keys", "wrong encoding", "notified twice")
    await released(paying)
    await a_pass(paying, gateway)
    bank.work()
    (folder / "in" / "folder.csv").mkdir()
    (folder / "in" / "link.csv").symlink_to(tmp_path / "nothing")
    done = await a_pass(paying, gateway, hours=1)
    aside = sorted(path.name for path in (folder / "in" / "set-aside").iterdir())
    assert len(aside) == 10
    assert all(f"{name}.reason" in aside for name in aside if not name.endswith(".reason"))
    assert sum(one["status"] == "set aside: ANSWER_NOT_UNDERSTOOD" for one in done) == 5
    assert len(await refusals(paying)) == 5
    assert {one["status"] for one in await instructions(paying)} == {"paid"}
    assert await balance(paying) == bank.mind.journal.balance()


async def test_a_return_file_of_a_name_that_came_before_replaces_nothing(paying: Paying, tmp_path: Path) -> None:
    folder = tmp_path / "bank"
    await released(paying)
    await a_pass(paying, gateway_at(folder))
    first, second = (await instructions(paying))[:2]
    for one in (first, second):
        row = (one["reference"], "paid", one["amount_fen"], f"B{one['id']}", "")
        (folder / "in" / "RET.CSV").write_bytes(answer_file("RET.CSV", "", [row], encoding="utf-8"))
        assert [done["status"] for done in await a_pass(paying, gateway_at(folder), hours=1)] == ["paid"]
    assert sorted(path.name for path in (folder / "in" / "done").iterdir()) == ["RET.CSV", "RET.CSV.2"]


async def test_what_somebody_else_puts_beside_our_files_stops_nothing(paying: Paying, tmp_path: Path) -> None:
    folder = tmp_path / "bank"
    (folder / "ready" / "SB-a-folder").mkdir(parents=True)
    (folder / "ready" / "notes.txt").write_text("x")
    await released(paying)
    assert len(await a_pass(paying, gateway_at(folder))) == 18
    assert sorted(path.name for path in (folder / "ready").iterdir()) == ["SB-a-folder", "notes.txt"]


async def test_two_processes_do_not_work_on_one_folder_at_once(paying: Paying, tmp_path: Path) -> None:
    folder = tmp_path / "bank"
    await released(paying)
    with Folder(folder).held():
        assert await a_pass(paying, gateway_at(folder)) == []
    assert len(await a_pass(paying, gateway_at(folder))) == 18
