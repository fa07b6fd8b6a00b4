"""Rounds are data: read under a closed schema, and refused when they contradict, overlap or leave a gap."""

import datetime
import shutil
from pathlib import Path

import pytest

from meter.days import SHANGHAI
from settlement.errors import SettlementRefused
from settlement.jobs.worlds.run import settle_world
from settlement.rounds import default_folder, load_round, load_rounds
from tests.support.build_province import Province, code_of

TEXT = (default_folder() / "anhui-2026.toml").read_text(encoding="utf-8")

ROUND_2027 = (
    TEXT.replace('id = "anhui-2026"', 'id = "anhui-2027"')
    .replace("from = 2025-08-16", "from = 2026-04-16")
    .replace("to = 2026-04-16 # exclusive", "to = 2027-04-01 # exclusive")
    .replace('purposes = ["research"]', "purposes = []")
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the rounds that can be changed."""
    for path in default_folder().glob("*.toml"):
        shutil.copy(path, tmp_path)
    return tmp_path


def test_the_four_rounds_load() -> None:
    rounds = load_rounds()
    assert list(rounds) == ["anhui-2024-1", "anhui-2025", "anhui-2026", "yinchuan-draft"]
    assert rounds["anhui-2026"].window_seconds == (1755273600, 1776268800)
    assert rounds["anhui-2024-1"].evidence_required == ("contract", "invoice")
    assert [rounds[name].spend_basis for name in ("anhui-2024-1", "anhui-2025", "anhui-2026")] == [
        "least_evidenced",
        "settled",
        "settled",
    ]
    assert rounds["yinchuan-draft"].window is None
    assert len({item.sha256 for item in rounds.values()}) == 4


def test_what_stands_in_no_document_is_marked() -> None:
    rules = load_rounds()["anhui-2026"].rules
    assert rules["R-NET"].source.ext is None
    assert {name for name, rule in rules.items() if rule.source.ext} >= {"R-RELATED", "R-NORTH-PLACES", "R-BUDGET"}


def test_a_new_round_is_one_new_file(folder: Path) -> None:
    (folder / "anhui-2027.toml").write_text(ROUND_2027, encoding="utf-8")
    rounds = load_rounds(folder)
    world = Province(round="anhui-2027", order={"rate": "0.10"}).party("p1", "p2").facility("f", p2="1")
    world.use("p1", "f", 10, 5000, day="2026-05-01", purpose="commercial")
    settlement, _ = settle_world(world.world(), rounds)
    line = settlement.line(code_of("p1"))
    assert line is not None
    assert (line["award_fen"], line["reasons"]) == (500, [])


def test_a_round_without_the_hold_is_a_round(folder: Path) -> None:
    (folder / "anhui-2027.toml").write_text(ROUND_2027.replace('share = "0.10"', 'share = "0"'), encoding="utf-8")
    world = Province(round="anhui-2027").party("p1", "p2").facility("f", p1="1")
    world.use("p1", "f", 99, 9900, day="2026-05-01").use("p2", "f", 1, 0, day="2026-05-01")
    for rounds, name, day in ((load_rounds(folder), "anhui-2027", "2026-05-01"), (None, "anhui-2026", "2025-11-03")):
        world.round = name
        for record in world.usage:
            record.update(started_at=f"{day}T10:00:00+08:00", ended_at=f"{day}T11:00:00+08:00")
        line = settle_world(world.world(), rounds)[0].line(code_of("p1"))
        assert line is not None
        held = name == "anhui-2026"
        assert (line["award_fen"] == 0, line["held_fen"] > 0) == (held, held)


def test_a_file_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "anhui-2027.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettlementRefused) as refused:
        load_rounds(folder)
    assert refused.value.code == "ROUND_NOT_TOML"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('edition = "2.0"', 'edition = "2.0"\nsurprise = 1', "ROUND_UNKNOWN_KEY"),
        ('purposes = ["research"]', 'purposes = ["research"]\nother = 1', "ROUND_UNKNOWN_KEY"),
        ("[rules.R-BASE]", "[rules.R-NOVEL]", "ROUND_UNKNOWN_KEY"),
        ('purposes = ["research"]', "", "ROUND_MISSING_KEY"),
        ('title = "补助对象"\n', "", "ROUND_MISSING_KEY"),
        ('share = "0.10"', 'share = "0.15"', "ROUND_CONTRADICTION"),
        ('share = "0.10"', 'share = "-0.10"', "ROUND_CONTRADICTION"),
        ('purposes = ["research"]', 'purposes = "research"', "ROUND_WRONG_TYPE"),
        ('ceiling = "0.20"', "ceiling = 0.20", "ROUND_WRONG_TYPE"),
        ('purposes = ["research"]', 'purposes = ["fun"]', "ROUND_CONTRADICTION"),
        ('ceiling = "0.20"', 'ceiling = "1.20"', "ROUND_CONTRADICTION"),
        ("to = 2026-04-16", "to = 2025-08-16", "ROUND_CONTRADICTION"),
        ("draft = false", "draft = true", "ROUND_MISSING_KEY"),
        ('kinds = ["enterprise", ', "kinds = [", "ROUND_CONTRADICTION"),
        ("[rules.R-CAP20]", '[rules.R-CAP20]\next = "also"', "ROUND_CONTRADICTION"),
        ('document = "S3"', 'document = "S9"', "ROUND_CONTRADICTION"),
        ('title = "补助对象"', 'title = "补助对象', "ROUND_NOT_TOML"),
    ],
)
def test_a_file_that_is_wrong_is_refused(old: str, new: str, code: str) -> None:
    assert old in TEXT
    with pytest.raises(SettlementRefused) as refused:
        load_round(TEXT.replace(old, new, 1))
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("name", "old", "new", "code"),
    [
        ("anhui-2026", "from = 2025-08-16", "from = 2025-08-10", "ROUND_OVERLAP"),
        ("anhui-2026", "from = 2025-08-16", "from = 2025-08-20", "ROUND_GAP"),
        ("anhui-2025", "[[gaps]]\nfrom = 2024-06-16", "[[gaps]]\nfrom = 2024-06-17", "ROUND_GAP"),
        ("anhui-2026", 'id = "anhui-2026"', 'id = "anhui-2062"', "ROUND_CONTRADICTION"),
    ],
)
def test_windows_neither_overlap_nor_leave_an_unexplained_gap(
    folder: Path, name: str, old: str, new: str, code: str
) -> None:
    path = folder / f"{name}.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(SettlementRefused) as refused:
        load_rounds(folder)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("name", "instant", "verdict"),
    [
        ("portal_opens", "2026-04-10T07:59:59", "early"),
        ("portal_opens", "2026-04-10T08:00:00", "on_time"),
        ("portal_closes", "2026-05-05T23:59:00", "on_time"),
        ("portal_closes", "2026-05-05T23:59:01", "person"),
        ("portal_closes", "2026-05-06T00:00:00", "late"),
        ("submission", "2026-05-07T16:59:59", "on_time"),
        ("submission", "2026-05-07T17:00:00", "late"),
    ],
)
def test_deadlines_are_judged_by_their_words(name: str, instant: str, verdict: str) -> None:
    deadlines = {item.name: item for item in load_rounds()["anhui-2026"].deadlines}
    assert deadlines[name].judge(datetime.datetime.fromisoformat(instant).replace(tzinfo=SHANGHAI)) == verdict


def test_midnight_of_the_last_day_is_the_next_days_start() -> None:
    closes = next(item for item in load_rounds()["anhui-2025"].deadlines if item.name == "portal_closes")
    assert closes.judge(datetime.datetime(2025, 8, 27, 23, 59, 59, tzinfo=SHANGHAI)) == "on_time"
    assert closes.judge(datetime.datetime(2025, 8, 28, tzinfo=SHANGHAI)) == "late"


def test_forms_and_cities() -> None:
    rounds = load_rounds()
    form = rounds["anhui-2026"].form
    assert form is not None
    assert form.columns[0] == "序号"
    assert form.clause_cell == "3.降低算力使用成本"
    assert len(rounds["anhui-2026"].cities) == 16
    missing = rounds["anhui-2025"].form
    assert missing is not None
    assert missing.columns == ()


def test_the_products_rounds_are_read_once_and_another_folder_whenever_it_is_asked_for(tmp_path: Path) -> None:
    assert load_rounds() is load_rounds()
    with pytest.raises(TypeError):
        load_rounds()["anhui-2026"] = load_rounds()["anhui-2025"]  # type: ignore[index]
    assert load_rounds(tmp_path) == {}
    (tmp_path / "anhui-2026.toml").write_text(TEXT, encoding="utf-8")
    assert list(load_rounds(tmp_path)) == ["anhui-2026"]
