"""Every link, path and section that a page or a comment names exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import TOP, files, links_of, names_of, pages, paths_of, sections_named_in, sections_of, text_of

CODE = (".py", ".sql", ".toml", ".html", ".md")
MADE = ("benchmarks/results.quick.json",)  # by a command, and not kept
PAGES_OF_RULES = ("docs/rules.md", "docs/contract.md")


def exists(path: str) -> bool:
    """Whether a path, with or without a star, leads to a file or folder under version control."""
    if "*" in path:
        return any(Path(name).match(path) for name in files())
    return path.rstrip("/") in files() or any(name.startswith(f"{path.rstrip('/')}/") for name in files())


@pytest.mark.parametrize("page", pages())
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    folder = (TOP / page).parent
    assert [link for link in links_of(page) if not (folder / link).exists()] == []


@pytest.mark.parametrize("page", pages())
def test_every_path_in_backticks_exists(page: str) -> None:
    below = str(Path(page).parent)
    assert [path for path in paths_of(page) if not exists(path) and not exists(f"{below}/{path}")] == []


@pytest.mark.parametrize("page", pages())
def test_every_file_in_backticks_exists(page: str) -> None:
    known = {Path(name).name for name in files()} | {Path(name).name for name in MADE}
    assert [name for name in names_of(page) if name not in known] == []


def test_every_section_that_a_comment_or_page_names_exists() -> None:
    known = {page: sections_of(page) for page in PAGES_OF_RULES}
    named = [
        (name, page, number) for name in files() if name.endswith(CODE) for page, number in sections_named_in(name)
    ]
    assert len(named) > 30
    assert [one for one in named if one[2] not in known[one[1]]] == []


def test_the_pages_of_the_specification_are_named_by_their_path() -> None:
    """A bare `rules.md` in code leads nowhere."""
    loose = []
    for name in files():
        if name.endswith(CODE[:-1]) and not name.startswith("tests/docs/"):
            for page in ("rules.md", "contract.md"):
                text = text_of(name)
                if text.count(page) != text.count(f"docs/{page}"):
                    loose.append(name)
    assert loose == ["settlement/rounds/check_quotes.py"]  # where a path is put together from its parts
