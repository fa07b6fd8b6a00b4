"""`python -m settlement.rounds.check_quotes` finds what is quoted wrongly, and does not pass for lack of a document."""

from __future__ import annotations

from pathlib import Path

import pytest

from settlement.rounds import check_quotes

RULES = """# Rules

| short name | key in the rounds | title | date | what it is | file |
|---|---|---|---|---|---|
| first notice | S0 | 关于甲的通知 | 2024 | a notice | `one.txt` |
| second notice | S1 | 关于乙的通知 | 2025 | a notice | `two.txt` |

> first notice: 补助 20 %以内
>
> second notice: 应通过平台使用
"""
ROUND = """[rules.R-WIN]
document = "S0"
quote = "补助20%以内"

[[table.columns]]
document = "S1"
quote = "应通过平台"
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Two documents, a page of rules and a round."""
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "one.txt").write_text("一、给予补助\n20%以内。", encoding="utf-8")
    (tmp_path / "documents" / "two.txt").write_text("二、应通过 平台使用。", encoding="utf-8")
    (tmp_path / "rounds").mkdir()
    (tmp_path / "rounds" / "a-round.toml").write_text(ROUND, encoding="utf-8")
    (tmp_path / "rules.md").write_text(RULES, encoding="utf-8")
    return tmp_path


def compared(desk: Path) -> tuple[int, list[tuple[str, str]]]:
    """How many quotes were compared, and the place and words of those not found."""
    quotes, missing = check_quotes.check(desk / "documents", desk / "rules.md", desk / "rounds")
    return len(quotes), [(quote.place, quote.words) for quote in missing]


def test_quotes_are_found_whatever_their_spaces_and_line_breaks(desk: Path) -> None:
    assert compared(desk) == (4, [])


def test_a_wrong_quote_is_named_with_its_place(desk: Path) -> None:
    with (desk / "rules.md").open("a", encoding="utf-8") as page:
        page.write("\n> first notice: 补助30%以内\n")
    (desk / "rounds" / "a-round.toml").write_text(ROUND.replace("应通过平台", "可通过平台"), encoding="utf-8")
    assert compared(desk) == (5, [("rules.md:12", "补助30%以内"), ("a-round.table.columns[0]", "可通过平台")])


def test_words_of_another_document_are_not_found(desk: Path) -> None:
    (desk / "rules.md").write_text(RULES.replace("> first notice", "> second notice"), encoding="utf-8")
    assert compared(desk) == (4, [("rules.md:8", "补助 20 %以内")])


@pytest.mark.parametrize("missing", ["documents/one.txt", "documents/two.txt"])
def test_a_missing_document_is_an_error(desk: Path, missing: str) -> None:
    (desk / missing).unlink()
    with pytest.raises(ValueError, match="is missing"):
        compared(desk)


def test_a_document_that_the_table_does_not_name_is_an_error(desk: Path) -> None:
    (desk / "rules.md").write_text(RULES + "\n> third notice: 补助\n", encoding="utf-8")
    with pytest.raises(ValueError, match="short name of a document"):
        compared(desk)


def test_a_round_without_quotes_is_an_error(desk: Path) -> None:
    (desk / "rounds" / "a-round.toml").write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match="quotes nothing"):
        compared(desk)


def test_without_the_folder_the_command_fails_and_says_so(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_quotes.main([str(desk / "nowhere")]) == 1
    assert "name the folder that holds the policy documents" in capsys.readouterr().err


def test_the_pages_of_this_repository_can_be_compared() -> None:
    """The table and the quotes of docs/rules.md parse, and every document that a round names is in the table."""
    page = check_quotes.RULES.read_text(encoding="utf-8")
    documents = check_quotes.documents_of(page)
    assert [document.key for document in documents] == ["S2", "S0", "S1", "S3", "S4"]
    assert len([*check_quotes.quotes_of_rules(page, "rules.md", documents)]) == 42
